//! Rooms whose code differs by feature, and the laws on top of them, without any feature: the files
//! of the whole suite, with a pool of threads that is none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[allow(dead_code, reason = "the whole suite takes more of it")]
mod support {
    #[path = "../../../../suite/support/conforms.rs"]
    pub mod conforms;
    #[path = "../../../../suite/support/double_double.rs"]
    pub mod double_double;
    #[path = "../../../../suite/support/full.rs"]
    pub mod full;
    #[path = "../../../../suite/support/layouts.rs"]
    pub mod layouts;
    #[path = "../../../../suite/support/near.rs"]
    pub mod near;
    #[path = "../../../../suite/support/quadrature.rs"]
    pub mod quadrature;
    #[path = "../../../../suite/support/reference.rs"]
    pub mod reference;
    #[path = "../../../../suite/support/samples.rs"]
    pub mod samples;
    #[path = "../../../../suite/support/stats.rs"]
    pub mod stats;
    #[path = "../../../../suite/support/strategy.rs"]
    pub mod strategy;
    pub mod threads;
}

#[path = "../../../suite/distribution"]
mod distribution {
    mod gaussian;
    mod sample;
}
mod full_gaussian;
#[path = "../../../suite/kernel/mod.rs"]
mod kernel;
#[path = "../../../suite/noise/mod.rs"]
mod noise;
#[path = "../../../suite/rows/mod.rs"]
mod rows;
