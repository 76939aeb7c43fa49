//! Triangular systems, by what is made of them: a divergence (both solutions and their products), and the factor of a
//! precision, at widths on both sides of a panel.

use estimand::matrix::Lu;
use estimand::ndarray::{Array1, Array2};
use estimand::{FullGaussian, Kl};

use crate::support::conforms::normal;

fn factor(d: usize, seed: u64) -> Array2<f64> {
    let any = normal(d, d, seed);
    Array2::from_shape_fn((d, d), |(i, j)| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => 1.0 + 0.5 * any[[i, i]].tanh(),
        std::cmp::Ordering::Greater => 0.4 * any[[i, j]] / (d as f64).sqrt(),
    })
}

/// T = M'^-1 (M^-1 L - I) below the diagonal is the gradient in L: against M^-T and M^-1 by elimination.
#[test]
fn law_solutions_are_those_of_the_inverse() {
    for d in [1, 2, 47, 48, 49, 96, 97, 145] {
        let (l, m) = (factor(d, 1), factor(d, 2));
        let origin = Array1::zeros(d);
        let [q, p] = [&l, &m].map(|lower| FullGaussian::from_factor(&origin, lower, 1).unwrap());
        let got = q.in_factor(0, &q.kl(&p).unwrap().grad.0.flat().row(0)).unwrap();
        let inverse = Lu::of(&m).unwrap().inverse().unwrap();
        let want = inverse.t().dot(&inverse.dot(&l));
        for i in 0..d {
            for j in 0..=i {
                let want = want[[i, j]] - if i == j { 1.0 / l[[i, i]] } else { 0.0 };
                assert!((got[[i, j]] - want).abs() <= 1e-12, "d = {d}, [{i}, {j}]: {} {want}", got[[i, j]]);
            }
        }
    }
}
