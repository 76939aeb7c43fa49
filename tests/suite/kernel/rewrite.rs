//! Rows that are replaced by what is made of them, in place or in a copy: relaxed samples are.

use estimand::ndarray::{Array2, Axis};
use estimand::{Concrete, Real, Transform};

use super::numbers;
use crate::support::threads::with_threads;

/// The same numbers in place, in a copy, a row at a time, and on several threads: of rows fewer and more than are made together,
/// wider than that, and of none.
fn places_agree<F: Real>() {
    for (rows, classes) in [(0, 3), (1, 1), (40, 7), (9, 600), (3, 5000), (9000, 5)] {
        let (logits, noise) = (numbers::<F>(rows, classes, 1), numbers::<F>(rows, classes, 2));
        let q = Concrete::new(&logits, classes, F::of(0.7)).unwrap();
        let in_place = || with_threads(1, || q.sample_from(noise.clone()).unwrap());
        let copied = |threads| with_threads(threads, || q.transform(noise.clone()).unwrap().into_x());
        assert_eq!(in_place(), copied(1), "{rows} x {classes}");
        assert_eq!(copied(1), copied(2), "{rows} x {classes}");
        for i in (0..rows).step_by(97) {
            let row = |of: &Array2<F>| of.row(i).to_owned().insert_axis(Axis(0));
            let alone = Concrete::new(row(&logits), classes, F::of(0.7)).unwrap();
            assert_eq!(alone.sample_from(row(&noise)).unwrap(), row(&in_place()), "row {i} of {rows} x {classes}");
        }
    }
}

#[test]
fn law_places_agree() {
    places_agree::<f32>();
    places_agree::<f64>();
}
