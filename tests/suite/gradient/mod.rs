mod importance;

use estimand::gradient::importance::normalised_weights;
use estimand::ndarray::array;
use estimand::{DiagGaussian, Distribution, Rows};

use crate::support::near::difference_limit;

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
