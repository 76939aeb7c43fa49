mod annealing;
mod antithetic;
mod baseline;
mod binary;
mod bit_flip;
mod compare;
mod control_variates;
mod dis_arm_tree;
mod enumeration;
mod estimate;
mod finite_difference;
mod fitted_baseline;
mod gumbel_softmax;
mod importance;
mod many_samples;
mod measure_valued;
mod mu_prop;
mod pathwise;
mod plan;
mod rebar;
mod relax;
mod sampled_kl;
mod score_function;
mod straight_through;
mod through;

use estimand::check::{Exact, Nodes, oracle};
use estimand::gradient::importance::normalised_weights;
use estimand::ndarray::{Array1, Array2, ArrayView2, array};
use estimand::{DiagGaussian, Distribution, Result, Rows};

use crate::support::near::difference_limit;
use crate::support::reference::{Record, table};

/// A cost of the table `gradient_variance.csv`, with its slope.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    kind: &'static str,
    k: f64,
}

impl Cost {
    pub fn of(record: &Record) -> Self {
        let kind = ["square", "exp", "cos"].into_iter().find(|kind| *kind == record.text(0)).unwrap();
        Self { kind, k: record.number(1).unwrap() }
    }

    pub fn at(self, x: f64) -> f64 {
        match self.kind {
            "square" => (x - self.k).powi(2),
            "exp" => (-self.k * x * x).exp(),
            _ => (self.k * x).cos(),
        }
    }

    pub fn slope(self, x: f64) -> f64 {
        match self.kind {
            "square" => 2.0 * (x - self.k),
            "exp" => -2.0 * self.k * x * (-self.k * x * x).exp(),
            _ => -self.k * (self.k * x).sin(),
        }
    }

    /// The cost at each point of one coordinate.
    pub fn costs(self, points: ArrayView2<'_, f64>) -> Array1<f64> {
        points.column(0).mapv(|x| self.at(x))
    }

    pub fn slopes(self, points: ArrayView2<'_, f64>) -> Array2<f64> {
        points.mapv(|x| self.slope(x))
    }
}

/// What the table says of the two parameters of a cost at N(1, 1): the columns of both, in reading order.
pub struct Truth {
    pub cost: Cost,
    pub line: usize,
    columns: [[f64; 9]; 2],
}

/// Columns of [`Truth`].
pub const TRUE: usize = 0;
pub const SCORE: usize = 1;
pub const SCORE_MEAN: usize = 2;
pub const SCORE_OPTIMAL: usize = 3;
pub const MEAN: usize = 4;
pub const OPTIMAL: usize = 5;
pub const PATHWISE: usize = 6;
pub const COUPLED: usize = 7;
pub const INDEPENDENT: usize = 8;

impl Truth {
    /// A column, for the location and for the scale; at scale 1 the derivative in log-scale is that in scale.
    pub fn of(&self, column: usize) -> [f64; 2] {
        self.columns.map(|row| row[column])
    }
}

pub fn truths() -> Vec<Truth> {
    let rows = table("gradient_variance.csv");
    let pairs = rows.chunks(2).map(|pair| Truth {
        cost: Cost::of(&pair[0]),
        line: pair[0].line,
        columns: [pair[0].numbers::<9>(3), pair[1].numbers::<9>(3)],
    });
    pairs.collect()
}

/// N(1, 1) for as many independent draws as asked for, with `samples` each.
pub fn law(draws: usize, samples: usize) -> DiagGaussian<'static, f64> {
    DiagGaussian::new(Array2::ones((draws, 1)), Array2::zeros((draws, 1))).unwrap().repeat_rows(samples)
}

/// The exact mean and variance of one draw of an estimator for N(1, 1) with normal noise, one coordinate and so many
/// samples: from the law and noise to rows.
pub fn exact_of(
    samples: usize,
    step: f64,
    rows: impl Fn(&DiagGaussian<'_, f64>, Array2<f64>) -> Result<Array2<f64>>,
) -> Exact {
    let z = Nodes::normal(step).unwrap();
    oracle(&vec![&z; samples], 1, |noise| rows(&law(noise.nrows() / samples, samples), noise)).unwrap()
}

/// Quadrature and table agree to 1e-9 of the numbers and of 1.
#[track_caller]
pub fn assert_exact(what: &str, found: &Array1<f64>, expected: [f64; 2]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{what}: {found} {expected}");
    }
}

/// An estimator is a weight a row: self-normalised weights on score rows are the gradient of the
/// importance-weighted bound in q.
#[test]
fn law_importance_weights_weigh_score_rows() {
    let (loc, log_scale) = (array![0.3], array![-0.2]);
    let x = array![[0.1], [1.4], [-0.6]];
    let bound = |loc: f64| {
        let (loc, log_scale) = (array![loc], log_scale.clone());
        let q = DiagGaussian::shared(&loc, &log_scale, 3).unwrap();
        let log_w = DiagGaussian::standard(3, 1).unwrap().log_prob(&x).unwrap() - q.log_prob(&x).unwrap();
        (estimand::special::log_mean_exp(&log_w).unwrap(), log_w)
    };
    let w = normalised_weights(&bound(0.3).1, 3).unwrap();
    let q = DiagGaussian::shared(&loc, &log_scale, 3).unwrap();
    let grad = q.score(&x).unwrap().weighted(&w).unwrap();
    let d = estimand::check::derivative(|m| bound(m).0, 0.3, 0.1).unwrap();
    let limit = difference_limit::<f64>(bound(0.3).0.abs() + 1.0, d.value, 0.1);
    assert!((-grad.loc()[[0, 0]] - d.value).abs() <= limit, "{} {d:?}", -grad.loc()[[0, 0]]);
}
