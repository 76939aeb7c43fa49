//! Relaxed classes: constructors and their errors here, the rest by file.

mod law;
mod softmax;

use estimand::distribution::{LogSimplex, Relaxed, Simplex, Space};
use estimand::ndarray::{Array2, ArrayView2, array};
use estimand::{Categorical, Concrete, Distribution, Error, ExpConcrete, Real, Shape, distribution::LogitParts};

use crate::support::conforms::Family;

/// The families, of one block and the temperature 3/4.
pub struct Of<S>(std::marker::PhantomData<S>);
pub type Shares = Of<Simplex>;
pub type Logarithms = Of<LogSimplex>;

impl<S: Space> Family for Of<S> {
    fn columns(dim: usize) -> usize {
        dim
    }
    type Parts = LogitParts;
    type Law<'a, F: Real> = Relaxed<'a, F, S>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        let classes = flat.ncols().max(1);
        Relaxed::new(flat, classes, F::of(0.75)).unwrap().repeat_rows(repeat)
    }

    fn datum(any: f64) -> f64 {
        any
    }

    fn data(any: Array2<f64>) -> Array2<f64> {
        // Far enough from 0 that the steps of a difference do not pass it.
        if S::LOG { softmax(&(0.2 * any)).mapv(f64::ln) } else { softmax(&any) }
    }
}

/// Of each row, as it is defined.
pub fn softmax(rows: &Array2<f64>) -> Array2<f64> {
    let mut shares = rows.mapv(f64::exp);
    shares.rows_mut().into_iter().for_each(|mut row| row /= row.sum());
    shares
}

#[test]
fn hard_what_is_no_temperature() {
    for (wrong, of) in [(0.0, 0.0), (-1.0, -1.0), (f64::INFINITY, f64::INFINITY), (f64::NAN, f64::NAN)] {
        let error = Concrete::new(array![[0.0, 0.0]], 2, wrong).unwrap_err();
        assert_eq!(
            error.to_string(),
            Error::Parameter { name: "temperature", value: of, expected: "a finite number above 0" }.to_string()
        );
    }
    let none = Error::Parameter { name: "samples", value: 0.0, expected: "at least 1" };
    assert_eq!(ExpConcrete::shared(array![0.0, 0.0], 2, 1.0, 0).unwrap_err(), none);
    let expected = "a multiple of 3".to_owned();
    let count = Error::Count { name: "logits", axis: "columns", got: 4, expected };
    assert_eq!(Concrete::new(array![[0.0, 0.0, 0.0, 0.0]], 3, 1.0).unwrap_err(), count);
}

#[test]
fn law_a_relaxed_law_is_that_of_its_classes() {
    let classes = Categorical::identical(&array![0.5, -1.0, 0.0, 2.0], 2, 3).unwrap().repeat_rows(5);
    let q = Concrete::of(classes.clone(), 0.5).unwrap();
    assert_eq!((q.shape(), q.logits()), (Shape { rows: 3, repeat: 5, dim: 4 }, classes.logits()));
    assert_eq!((q.temperature(), q.classes().classes()), (0.5, 2));
    assert_eq!(Concrete::identical(&array![0.5, -1.0, 0.0, 2.0], 2, 0.5, 3).unwrap().logits(), q.logits());
}
