use estimand::Error;
use estimand::check::Nodes;
use proptest::prelude::*;

use crate::support::strategy::config;

fn expect(nodes: &Nodes, f: impl Fn(f64) -> f64) -> f64 {
    nodes.points().iter().zip(nodes.weights()).map(|(x, w)| w * f(*x)).sum()
}

proptest! {
    #![proptest_config(config())]

    /// A rule of m points is exact for the powers up to 2 m - 1 between any breaks, and not for the next.
    #[test]
    fn law_gauss_legendre_rules_are_exact(order in 1..=20_usize, from in -2.0..0.0_f64, width in 0.5..2.0_f64) {
        let nodes = Nodes::density(|_| 0.0, &[from, from + width], order).unwrap();
        prop_assert_eq!(nodes.points().len(), order);
        for power in 0..2 * order as i32 {
            let exact = ((from + width).powi(power + 1) - from.powi(power + 1)) / (f64::from(power + 1) * width);
            let size = from.abs().max((from + width).abs()).max(1.0).powi(power);
            let off = (expect(&nodes, |x| x.powi(power)) - exact).abs();
            // Points good to a few epsilons, which a power multiplies.
            prop_assert!(off <= 8.0 * (1.0 + f64::from(power)) * f64::EPSILON * size, "{} {}", power, off);
        }
        if order <= 6 {
            // Scaled to (-1, 1), the error of the next even power is 2^(2m+1) m!^4 / ((2m+1) (2m)!^2) / 2.
            let unit = Nodes::density(|_| 0.0, &[-1.0, 1.0], order).unwrap();
            let next = 2 * order as i32;
            let off = expect(&unit, |x| x.powi(next)) - 1.0 / f64::from(next + 1);
            let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
            let expected = 2.0_f64.powi(next) * factorial(order).powi(4) / (f64::from(next + 1) * factorial(2 * order).powi(2));
            prop_assert!((off + expected).abs() < 1e-14);
        }
    }
}

#[test]
fn ref_normal_moments_and_a_transform() {
    for step in [0.7, 0.5, 0.25] {
        let z = Nodes::normal(step).unwrap();
        let mut double_factorial = 1.0;
        for k in 0..6 {
            let power = 2 * k;
            let off = (expect(&z, |z| z.powi(power)) - double_factorial).abs();
            // The first term that the rule takes for 0, twice; and rounding.
            let turn = 2.0 * std::f64::consts::PI / step;
            let rule = 4.0 * turn.powi(power) * (-0.5 * turn * turn).exp();
            assert!(off <= rule + 64.0 * f64::EPSILON * double_factorial, "{step} {power} {off}");
            double_factorial *= f64::from(power + 1);
        }
        // E cos(k z) = e^(-k^2 / 2), to e^(-(2 pi / step - k)^2 / 2).
        let off = (expect(&z, f64::cos) - (-0.5_f64).exp()).abs();
        assert!(off < 1e-14 + 2.0 * (-0.5 * (2.0 * std::f64::consts::PI / step - 1.0).powi(2)).exp(), "{step} {off}");
    }
}

#[test]
fn ref_densities_with_breaks() {
    // A jump inside, where a break is.
    let u = Nodes::uniform(&[0.0, 0.3, 1.0], 5).unwrap();
    assert_eq!(u.points().len(), 10);
    assert!((expect(&u, |u| if u < 0.3 { 1.0 } else { 0.0 }) - 0.3).abs() < 1e-15);
    // Laplace: E z^2 = 2, E |z| = 1; the density has a kink at 0.
    let breaks: Vec<f64> = (-40..=40).map(f64::from).collect();
    let z = Nodes::density(|z| 1000.0 - z.abs(), &breaks, 16).unwrap();
    assert!((expect(&z, |z| z * z) - 2.0).abs() < 1e-12 && (expect(&z, f64::abs) - 1.0).abs() < 1e-13);
    assert!((z.weights().iter().sum::<f64>() - 1.0).abs() < 1e-14, "a constant of 1000 does not overflow");
}

#[test]
fn hard_nodes_at_the_door() {
    let finite = |p: &[f64], w: &[f64]| Nodes::finite(p, w).err();
    let shape = Error::Shape { name: "weights", got: vec![1], expected: vec![2] };
    assert_eq!(finite(&[0.0, 1.0], &[1.0]), Some(shape));
    let entry = |name, k, value, expected| Some(Error::Entry { name, index: vec![k], value, expected });
    let not_negative = "a finite number that is not negative";
    assert_eq!(finite(&[0.0, 1.0], &[1.5, -0.5]), entry("weights", 1, -0.5, not_negative));
    assert_eq!(finite(&[0.0, 1.0], &[f64::INFINITY, 0.5]), entry("weights", 0, f64::INFINITY, not_negative));
    assert_eq!(finite(&[0.0, -f64::INFINITY], &[0.5, 0.5]), entry("points", 1, -f64::INFINITY, "a finite number"));
    let of_nan = [finite(&[0.0, 1.0, f64::NAN], &[0.5, 0.5, 0.0]), finite(&[0.0, 1.0], &[f64::NAN, 1.0])];
    let sentences = of_nan.map(|error| error.unwrap().to_string());
    assert_eq!(sentences[0], "`points` is NaN at [2], expected a finite number");
    assert_eq!(sentences[1], "`weights` is NaN at [0], expected a finite number that is not negative");
    let sum = |value| Error::Parameter { name: "weights", value, expected: "a sum of 1" };
    assert_eq!(finite(&[0.0, 1.0], &[0.5, 0.25]), Some(sum(0.75)));
    assert_eq!(finite(&[0.0], &[0.0]), Some(sum(0.0)));
    assert_eq!(finite(&[], &[]), Some(Error::TooFew { name: "points", got: 0, needs: 1 }));
    assert!(Nodes::finite(&[-0.0, 1.0], &[1.0, 0.0]).is_ok());
    for step in [0.0, 1e-300, 1.5, f64::NAN] {
        let error = Nodes::normal(step).err();
        assert!(matches!(error, Some(Error::Parameter { name: "step", expected: "a number from 1e-4 to 1", .. })));
    }
    for order in [0, 65] {
        let error = Error::Parameter { name: "order", value: order as f64, expected: "a number from 1 to 64" };
        assert_eq!(Nodes::uniform(&[], order).err(), Some(error));
    }
    // The index is that of the caller's array.
    let uniform = |breaks: &[f64]| Nodes::uniform(breaks, 4).err();
    let from_0_to_1 = "rising numbers from 0 to 1";
    assert_eq!(uniform(&[0.2, 0.6, 0.4]), entry("breaks", 2, 0.4, from_0_to_1));
    assert_eq!(uniform(&[0.5, 0.5]), entry("breaks", 1, 0.5, from_0_to_1));
    assert_eq!(uniform(&[-0.5, 0.5]), entry("breaks", 0, -0.5, from_0_to_1));
    assert_eq!(uniform(&[0.0, 0.5, 1.5]), entry("breaks", 2, 1.5, from_0_to_1));
    assert_eq!(uniform(&[0.0, 1.0, 1.0]), entry("breaks", 2, 1.0, from_0_to_1));
    let nan = uniform(&[0.5, f64::NAN]).unwrap().to_string();
    assert_eq!(nan, "`breaks` is NaN at [1], expected rising numbers from 0 to 1");
    for same in [&[0.5][..], &[0.0, 0.5], &[0.5, 1.0], &[-0.0, 0.5, 1.0]] {
        assert_eq!(Nodes::uniform(same, 4), Nodes::uniform(&[0.0, 0.5, 1.0], 4), "{same:?}");
    }
    let density = |breaks: &[f64]| Nodes::density(|_| 0.0, breaks, 4).err();
    assert_eq!(density(&[0.0]), Some(Error::TooFew { name: "breaks", got: 1, needs: 2 }));
    let rising = |value| Error::Entry { name: "breaks", index: vec![1], value, expected: "rising, finite numbers" };
    assert_eq!(density(&[0.0, 0.0]), Some(rising(0.0)));
    assert_eq!(density(&[0.0, f64::INFINITY]), Some(rising(f64::INFINITY)));
    let first =
        Error::Entry { name: "breaks", index: vec![0], value: f64::NEG_INFINITY, expected: "rising, finite numbers" };
    assert_eq!(density(&[f64::NEG_INFINITY, 0.0]), Some(first));
    let nan = Nodes::density(|x| if x > 0.5 { f64::NAN } else { 0.0 }, &[0.0, 1.0], 1).err();
    assert_eq!(nan, None, "the one point is 0.5");
    let nan = Nodes::density(|_| f64::INFINITY, &[0.0, 1.0], 1).err();
    let expected = "a point where the log-density is a number, or -inf";
    assert_eq!(nan, Some(Error::Entry { name: "points", index: vec![0], value: 0.5, expected }));
    let none = Nodes::density(|_| f64::NEG_INFINITY, &[0.0, 1.0], 3).err();
    let expected = "some mass between the breaks";
    assert_eq!(none, Some(Error::Parameter { name: "log_density", value: f64::NEG_INFINITY, expected }));
    let half = Nodes::density(|x| if x < 0.0 { f64::NEG_INFINITY } else { 0.0 }, &[-1.0, 0.0, 1.0], 2).unwrap();
    assert_eq!(half.weights()[..2], [0.0, 0.0]);
}
