//! Sums of outer products, by the rows that have them: those of the full Gaussian.

use estimand::ndarray::{Array1, Array2, Axis};
use estimand::{FullGaussian, Reparameterize, Rows, Transform};

use crate::support::conforms::normal;

/// Whole numbers: products and their sums are exact in any order, so that a row that is left out, or met twice, shows in
/// the last bit. At sizes on both sides of a block, of halves and of a task.
#[test]
fn law_every_row_is_summed_once() {
    for n in [8, 127, 128, 129, 255, 256, 257, 384, 500, 2048, 2049, 5000] {
        let whole = |seed: u64, width| normal(n, width, seed).mapv(|x| (4.0 * x).round());
        let q = FullGaussian::<f64>::standard(n, 3).unwrap();
        let (noise, slopes, weights) = (whole(1, 3), whole(2, 3), whole(3, 1).column(0).to_owned());
        let draw = q.transform(noise).unwrap();
        let path = q.pathwise(&draw, &slopes).unwrap();
        for weights in [Array1::ones(n), weights] {
            let rows = path.collect().weighted_rows(&weights).unwrap();
            assert_eq!(path.weighted(&weights).unwrap().flat().row(0), rows.flat().sum_axis(Axis(0)), "{n} rows");
        }
        assert_eq!(path.total().unwrap().flat().row(0), path.collect().flat().sum_axis(Axis(0)));
        let wide = Array2::from_shape_fn((n, 6), |(i, j)| if j % 2 == 0 { slopes[[i, j / 2]] } else { 7.0 });
        let every_other = wide.slice_axis(Axis(1), estimand::ndarray::Slice::new(0, None, 2));
        assert_eq!(q.pathwise(&draw, &every_other).unwrap().total(), path.total(), "in any stride");
    }
}
