mod base;
mod bernoulli;
mod binary_concrete;
mod categorical;
mod concrete;
mod finite;
pub mod full_gaussian;
mod gaussian;
mod gaussian_laplace;
mod gumbel;
mod gumbel_kl;
mod hard_concrete;
mod kl;
mod laplace;
mod law;
mod loc_scale;
mod logistic;
mod parameters;
mod perturb;
mod sample;
mod scale;
mod shares;
mod summary;

use estimand::ndarray::array;
use estimand::{Bernoulli, Distribution, Parts};

/// The table of the module's page: one law's parts and shape, read as any law's.
#[test]
fn hard_parts_and_shape_of_any_law() {
    fn describe<D: Distribution<f64>>(law: &D) -> (&'static [&'static str], usize, usize) {
        (<D::Parts as Parts>::NAMES, law.parts().width(), law.shape().samples())
    }
    let logits = array![[0.0, 1.0, 2.0]];
    let bits = Bernoulli::new(&logits).unwrap().repeat_rows(4);
    assert_eq!(describe(&bits), (&["logits"][..], 3, 4));
    let normal = estimand::DiagGaussian::standard(5, 2).unwrap();
    assert_eq!(describe(&normal), (&["loc", "log_scale"][..], 4, 5));
}
