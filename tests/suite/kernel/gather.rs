//! Rows of every layout, reached through what laws offer; every mix of layouts.

use estimand::distribution::Draw;
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis};
use estimand::{DiagGaussian, Distribution, Real, Reparameterize, Rows, Smooth};
use proptest::prelude::*;

use crate::rows::whole;
use crate::support::layouts::every_layout;
use crate::support::strategy::{config, sizes};

fn numbers<F: Real>(n: usize, d: usize, shift: usize) -> Array2<F> {
    Array2::from_shape_fn((n, d), |(i, j)| whole::<F>(i + shift, j) * F::of(0.25))
}

/// The layout of the data changes no bit of what is made of it.
fn data_in_every_layout<F: Real>(rows: usize, repeat: usize, d: usize) {
    let (loc, log_scale) = (numbers::<F>(rows, d, 5), numbers::<F>(rows, d, 11).mapv(|s| s * F::of(0.5)));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap().repeat_rows(repeat);
    let n = rows * repeat;
    let x = numbers::<F>(n, d, 0);
    let (value, both, slope) = (q.log_prob(&x).unwrap(), q.log_prob_grad(&x).unwrap(), q.log_prob_slope(&x).unwrap());
    let weights = Array1::from_shape_fn(n, |i| F::of(i as f64 - 1.5));
    let (total, weighted) = (q.score(&x).unwrap().total(), q.score(&x).unwrap().weighted(&weights));
    // Row by row, as if each were alone.
    for i in 0..n {
        let alone = |row: &Array2<F>| row.row(i / repeat).insert_axis(Axis(0)).to_owned();
        let (m, s) = (alone(&loc), alone(&log_scale));
        let one = DiagGaussian::new(&m, &s).unwrap();
        let at = x.row(i).insert_axis(Axis(0)).to_owned();
        assert_eq!(one.log_prob(&at).unwrap()[0], value[i]);
        assert_eq!(one.log_prob_grad(&at).unwrap().grad.flat().row(0), both.grad.flat().row(i));
        assert_eq!(one.log_prob_slope(&at).unwrap().grad.row(0), slope.grad.row(i));
    }
    assert_eq!(both.value, value);
    every_layout(&x, |layout, x| {
        assert_eq!(q.log_prob(&x).unwrap(), value, "{layout}");
        assert_eq!(q.log_prob_grad(&x).unwrap(), both, "{layout}");
        assert_eq!(q.log_prob_slope(&x).unwrap(), slope, "{layout}");
        let score = q.score(&x).unwrap();
        assert_eq!(score.collect(), both.grad, "{layout}");
        assert_eq!(score.total(), total, "{layout}");
        assert_eq!(score.weighted(&weights), weighted, "{layout}");
        let mut seen = 0;
        score.visit(|i, row| {
            assert_eq!(row, both.grad.flat().row(i).to_vec(), "{layout}");
            assert_eq!(i, seen);
            seen += 1;
        });
        assert_eq!(seen, n);
    });
}

/// Three inputs, each in a layout of its own: copies of rows are not mixed up.
fn inputs_in_every_mix<F: Real>(rows: usize, repeat: usize, d: usize) {
    let (loc, log_scale) = (numbers::<F>(rows, d, 5), numbers::<F>(rows, d, 11).mapv(|s| s * F::of(0.5)));
    let q = DiagGaussian::new(&loc, &log_scale).unwrap().repeat_rows(repeat);
    let n = rows * repeat;
    let (x, noise, d_x) = (numbers::<F>(n, d, 0), numbers::<F>(n, d, 3), numbers::<F>(n, d, 8));
    let plain_draw = Draw::new(x.clone(), noise.clone()).unwrap();
    let plain = q.pathwise(&plain_draw, &d_x).unwrap().collect();
    // dx / d loc = 1, dx / d log_scale = e^s z.
    assert_eq!(plain.loc(), d_x);
    let owned = |a: &ArrayView2<'_, F>| a.to_owned();
    every_layout(&x, |of_x, x| {
        every_layout(&noise, |of_noise, noise| {
            let draw = Draw::new(owned(&x), owned(&noise)).unwrap();
            every_layout(&d_x, |of_d_x, d_x| {
                let rows = q.pathwise(&draw, &d_x).unwrap();
                assert_eq!(rows.collect(), plain, "x {of_x}, noise {of_noise}, d_x {of_d_x}");
            });
        });
    });
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_the_layout_of_data_changes_no_bit((rows, d) in sizes(4, 40), repeat in 1_usize..4) {
        data_in_every_layout::<f64>(rows, repeat, d);
        data_in_every_layout::<f32>(rows, repeat, d);
    }

    #[test]
    fn law_a_mix_of_layouts_changes_no_bit((rows, d) in sizes(3, 5), repeat in 1_usize..3) {
        inputs_in_every_mix::<f64>(rows, repeat, d);
        inputs_in_every_mix::<f32>(rows, repeat, d);
    }
}

#[test]
fn hard_no_rows_and_no_columns() {
    for (n, d) in [(0, 3), (3, 0), (0, 0)] {
        let zeros = Array2::<f32>::zeros((n, d));
        let q = DiagGaussian::new(&zeros, &zeros).unwrap();
        assert_eq!(q.log_prob(&zeros).unwrap(), Array1::<f32>::zeros(n));
        let both = q.log_prob_grad(&zeros).unwrap();
        assert_eq!((both.value.len(), both.grad.flat().dim()), (n, (n, 2 * d)));
        assert_eq!(q.score(&zeros).unwrap().total().unwrap().flat().dim(), (n, 2 * d));
        let mut visits = 0;
        q.score(&zeros).unwrap().visit(|_, row| {
            assert_eq!(row.len(), 2 * d);
            visits += 1;
        });
        assert_eq!(visits, n);
    }
}

#[test]
fn hard_one_row_seen_many_times() {
    let zeros = Array2::<f64>::zeros((5, 3));
    let q = DiagGaussian::new(&zeros, &zeros).unwrap();
    let row = numbers::<f64>(1, 3, 2);
    let broadcast = row.broadcast((5, 3)).unwrap();
    assert_eq!(q.log_prob_grad(&broadcast), q.log_prob_grad(&broadcast.to_owned()));
    // A column seen many times: neither stride is one.
    let column = numbers::<f64>(5, 1, 2);
    let broadcast = column.broadcast((5, 3)).unwrap();
    let owned = Array2::from_shape_fn((5, 3), |(i, _)| column[[i, 0]]);
    assert_eq!(q.log_prob_grad(&broadcast), q.log_prob_grad(&owned));
}

/// The rows of a NaN stay with it: a buffer of one row does not leak into the next.
#[test]
fn hard_nan_stays_in_its_row_in_every_layout() {
    let zeros = Array2::<f64>::zeros((4, 3));
    let q = DiagGaussian::new(&zeros, &zeros).unwrap();
    let mut x = numbers::<f64>(4, 3, 0);
    x[[1, 2]] = f64::NAN;
    every_layout(&x, |layout, x| {
        let both = q.log_prob_grad(&x).unwrap();
        for i in 0..4 {
            assert_eq!(both.value[i].is_nan(), i == 1, "{layout}");
            assert_eq!(both.grad.flat().row(i).iter().any(|g| g.is_nan()), i == 1, "{layout}");
        }
    });
}
