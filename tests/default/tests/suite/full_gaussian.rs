//! What the full Gaussian owes without decompositions: the whole suite knows it beside them.

use estimand::ndarray::{Array2, array};
use estimand::{Distribution, FullGaussian};

use crate::support::conforms;
use crate::support::full::Full;

#[test]
fn law_the_full_gaussian_conforms() {
    conforms::distribution::<Full>();
    conforms::reparameterize::<Full>();
    conforms::kl::<Full>();
}

/// The chain rule of densities: a marginal and a conditional, both by reflections.
#[test]
fn law_a_density_is_the_marginal_times_the_conditional() {
    let lower = array![[1.0, 0.0, 0.0], [-0.5, 2.0, 0.0], [0.25, 1.0, 0.5]];
    let q = FullGaussian::from_factor(&array![1.0, 0.0, -1.0], &lower, 1).unwrap();
    let x = array![[0.5, 1.0, 0.25]];
    let (given, rest): (Array2<f64>, _) = (array![[0.25, 0.5]], array![[1.0]]);
    let chain = q.marginal(&[2, 0]).unwrap().log_prob(&given).unwrap()[0]
        + q.given(&[2, 0], &given).unwrap().log_prob(&rest).unwrap()[0];
    assert!((q.log_prob(&x).unwrap()[0] - chain).abs() < 1e-13);
}
