use estimand::Error;
use estimand::gradient::Annealing;

#[test]
fn law_temperatures_fall_to_their_floor() {
    let found: Vec<f64> = Annealing::new(2.0, 0.25, 0.5).unwrap().take(40).collect();
    for (step, found) in found.into_iter().enumerate() {
        let want = (2.0 * (-0.25 * step as f64).exp()).max(0.5);
        assert!((found - want).abs() <= 2.0 * f64::EPSILON * want, "{found} {want}");
    }
}

#[test]
fn hard_temperatures_that_are_none() {
    let expected = "a finite number above 0";
    assert_eq!(Annealing::new(0.0, 0.1, 0.1).unwrap_err(), Error::Parameter { name: "from", value: 0.0, expected });
    assert_eq!(Annealing::new(1.0, 0.1, 0.0).unwrap_err(), Error::Parameter { name: "floor", value: 0.0, expected });
    let rate = Error::Parameter { name: "rate", value: -1.0, expected: "a finite number that is not negative" };
    assert_eq!(Annealing::new(1.0, -1.0, 0.5).unwrap_err(), rate);
    let constant: Vec<f64> = Annealing::new(0.7, 0.0, 0.1).unwrap().take(3).collect();
    assert_eq!(constant, [0.7; 3]);
    let far = Annealing::new(1.0_f32, 1e30, 0.5).unwrap().take(3).collect::<Vec<_>>();
    assert_eq!(far, [1.0, 0.5, 0.5]);
}
