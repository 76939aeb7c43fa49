//! What tests share.

pub mod conforms;
pub mod double_double;
pub mod full;
pub mod last_place;
pub mod layouts;
pub mod matrices;
pub mod near;
pub mod quadrature;
pub mod reference;
pub mod samples;
pub mod stats;
pub mod strategy;
pub mod threads;
