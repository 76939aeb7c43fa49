//! Arrays of any layout are one matrix to the decompositions.

use estimand::matrix::{Cholesky, Lu};
use estimand::ndarray::{Array2, Axis, Slice, array};

#[test]
fn law_the_layout_of_a_matrix_changes_no_bit() {
    let a = array![[4.0, 1.0, -2.0], [0.5, 3.0, 1.0], [7.0, -1.0, 2.0]];
    let expected = Lu::of(&a).unwrap().inverse().unwrap();
    let by_columns = a.t().as_standard_layout().into_owned().reversed_axes();
    assert_eq!(Lu::of(&by_columns).unwrap().inverse().unwrap(), expected);
    let wide = Array2::from_shape_fn((3, 6), |(i, j)| if j % 2 == 0 { a[[i, j / 2]] } else { f64::NAN });
    let mut every_other = wide.view();
    every_other.slice_axis_inplace(Axis(1), Slice::new(0, None, 2));
    assert_eq!(Lu::of(&every_other).unwrap().inverse().unwrap(), expected);

    let definite = a.t().dot(&a);
    let turned = definite.t();
    assert_eq!(Cholesky::of(&turned).unwrap().inverse(), Cholesky::of(&definite).unwrap().inverse());
}
