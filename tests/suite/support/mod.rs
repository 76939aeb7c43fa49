//! What tests share.

pub mod conforms;
pub mod layouts;
pub mod near;
pub mod reference;
pub mod strategy;
