use estimand::kernel::Level;
use estimand::moments::Moments;
use estimand::ndarray::Array1;
use estimand::{Error, Real};

use super::{CHAIN, assert_readings};

/// Blocks of 1024, tasks of 65536, lanes of 16: numbers around each border, no number twice and none
/// left out.
#[test]
fn law_every_border_of_blocks() {
    for n in [1, 2, 15, 16, 17, 33, 1007, 1023, 1024, 1025, 1040, 2047, 2048, 65_535, 65_536, 65_537, 131_073] {
        let x: Vec<f64> = (0..n).map(|i| 3.0 + (1.7 * i as f64).sin() * (1.0 + i as f64 / n as f64)).collect();
        let ones = vec![1.0; n];
        for level in [Level::Plain, Level::best()] {
            let moments = Moments::of_at(level, &Array1::from_vec(x.clone()));
            assert_eq!(moments.count(), n);
            assert_readings(&format!("{n}"), (moments.mean().unwrap(), moments.variance().unwrap()), &x, &ones, CHAIN);
        }
    }
}

/// Numbers that differ in their last place only: the first mean of a block is off by as much as
/// they are, and is moved.
fn last_places<F: Real>(base: f64) {
    let place = F::of(base).as_f64() * F::epsilon().as_f64();
    for period in [2, 3, 7, 1000] {
        let x: Vec<F> = (0..5000).map(|i| F::of(base + if i % period == 0 { place } else { 0.0 })).collect();
        let ones = vec![F::one(); x.len()];
        let moments = Moments::of(&Array1::from_vec(x.clone()));
        let what = format!("every {period} of {base:e}");
        assert_readings(&what, (moments.mean().unwrap(), moments.variance().unwrap()), &x, &ones, CHAIN);
    }
    let same = Moments::of(&Array1::from_elem(3001, F::of(base)));
    assert_eq!((same.mean(), same.variance()), (Ok(F::of(base)), Ok(F::zero())), "{base:e}");
}

#[test]
fn hard_last_places() {
    // Where the square of a last place is a number.
    for base in [1.0, 1.9, 1e10, 3e-10] {
        last_places::<f32>(base);
        last_places::<f64>(base);
    }
    last_places::<f64>(1.7e150);
}

/// Blocks that are not like those before: a pivot is left where it is too far off, by a trend, a jump or a
/// change of scale.
#[test]
fn law_blocks_of_any_kind_follow_each_other() {
    type Shape = fn(f64) -> f64;
    let shapes: [Shape; 5] = [
        |t| 1e6 * t,
        |t| if t < 0.5 { 1.0 } else { 1e9 },
        |t| (40.0 * t).exp(),
        |t| if t < 0.3 { 1e300 } else { 1.0 },
        |t| 1e8 * (30.0 * t).floor(),
    ];
    for shape in shapes {
        let x: Vec<f64> =
            (0..20_000).map(|i| shape(f64::from(i) / 20_000.0) * (1.0 + 1e-9 * (1.3 * f64::from(i)).sin())).collect();
        let (moments, ones) = (Moments::of(&Array1::from_vec(x.clone())), vec![1.0; x.len()]);
        if x[0] < 1e200 {
            assert_readings("shape", (moments.mean().unwrap(), moments.variance().unwrap()), &x, &ones, CHAIN);
        } else {
            assert!((moments.mean().unwrap() / 3e299 - 1.0).abs() < 1e-8 && moments.variance() == Ok(f64::INFINITY));
        }
        // Each piece alone, where it is not the pivot's.
        for from in [5_000, 9_500, 15_000] {
            let piece = &x[from..from + 3000];
            if piece[0] < 1e200 {
                let moments = Moments::of(&Array1::from_vec(piece.to_vec()));
                assert_readings(
                    "piece",
                    (moments.mean().unwrap(), moments.variance().unwrap()),
                    piece,
                    &ones[..3000],
                    CHAIN,
                );
            }
        }
    }
}

/// One enormous number in a block does not spoil the blocks beside it.
#[test]
fn hard_an_outlier() {
    let mut x: Vec<f64> = (0..4096).map(|i| (0.3 * f64::from(i)).cos()).collect();
    for at in [0, 100, 1024, 4095] {
        let old = std::mem::replace(&mut x[at], 1e9);
        let moments = Moments::of(&Array1::from_vec(x.clone()));
        assert_readings("outlier", (moments.mean().unwrap(), moments.variance().unwrap()), &x, &vec![1.0; 4096], CHAIN);
        x[at] = old;
    }
}

#[test]
fn hard_a_nan_in_any_place_of_a_block() {
    for row in [0, 15, 16, 500, 1023, 1024, 1500, 1999] {
        let x = Array1::from_shape_fn(2000, |i| if i == row { f32::NAN } else { 0.5 });
        for level in [Level::Plain, Level::best()] {
            assert_eq!(Moments::of_at(level, &x).mean(), Err(Error::NaN { name: "x", row }));
        }
    }
}
