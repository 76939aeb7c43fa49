//! Arrays of any layout are one matrix to the decompositions.

use estimand::Error;
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

/// The first entry below the diagonal, by rows, that is not what stands across: of every layout, and wherever the tiles end.
#[test]
fn hard_an_entry_apart_is_found_wherever_it_stands() {
    let expected = "the entry across the diagonal, to 8 epsilon of the largest";
    for d in [2, 31, 32, 33, 64, 70] {
        let even = Array2::<f64>::eye(d) * 8.0;
        for (i, j) in [(1, 0), (d - 1, 0), (d - 1, d - 2), (d / 2, d / 2 - 1), (d - 1, d / 2 - 1)] {
            for below in [true, false] {
                let mut a = even.clone();
                a[if below { [i, j] } else { [j, i] }] = 1.0;
                // One that comes later is not named.
                a[if below { [d - 1, d - 2] } else { [d - 2, d - 1] }] = 1.0;
                let value = if below { 1.0 } else { 0.0 };
                let found = Some(Error::Entry { name: "a", index: vec![i, j], value, expected });
                assert_eq!(Cholesky::of(&a).err(), found, "{d} {i} {j}");
                let by_columns = a.t().as_standard_layout().into_owned().reversed_axes();
                assert_eq!(Cholesky::of(&by_columns).err(), found, "{d} {i} {j}");
                let wide = Array2::from_shape_fn((d, 2 * d), |(i, j)| a[[i, j / 2]]);
                let mut every_other = wide.view();
                every_other.slice_axis_inplace(Axis(1), Slice::new(0, None, 2));
                assert_eq!(Cholesky::of(&every_other).err(), found, "{d} {i} {j}");
            }
        }
    }
    // In the memory it is symmetric; read from its last row on it is not.
    let a = array![[2.0, 1.0], [1.0, 3.0]];
    let mut turned = a.view();
    turned.invert_axis(Axis(0));
    let upside_down = Some(Error::Entry { name: "a", index: vec![1, 0], value: 2.0, expected });
    assert_eq!(Cholesky::of(&turned).err(), upside_down);
}
