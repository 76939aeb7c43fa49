use estimand::moments::Moments;

/// A head alone would lose each of these steps: 2^24 + 1 is 2^24 in f32. The mean is read to its last
/// place.
#[test]
fn hard_steps_below_the_last_place_add_up() {
    let mut moments = Moments::<f32>::new();
    // Around 2^20 the last place is 1/8; the mean of k ones in the last place moves by 1/8 k / n.
    let base = 1_048_576.0_f32;
    let n = 100_000;
    for i in 0..n {
        moments.push(if i % 10 == 0 { base + 0.125 } else { base });
    }
    // .0125 above the base: a tenth of a last place, which only the rest can hold. Its variance tells.
    assert_eq!(moments.mean().unwrap(), base);
    let variance = f64::from(moments.variance().unwrap());
    let expected = 0.09 * 0.125 * 0.125;
    assert!((variance / expected - 1.0).abs() < 16.0 * f64::from(f32::EPSILON), "{variance}");
    // And half of them above: the mean rises to the middle of two places, and rounds.
    let mut half = Moments::<f32>::new();
    (0..n).for_each(|i| half.push(if i % 4 == 0 { base } else { base + 0.125 }));
    assert_eq!(half.mean().unwrap(), base + 0.125);
}
