use estimand::ndarray::{Array1, Array2, array};
use estimand::objective::{Ceiling, Constrained, beta_elbo, capacity};
use estimand::{Error, Real, ValueGrad};

use super::linear_vae::{LinearVae, Weights, maximum, water_filling};

/// S = [[2.5, 1.5], [1.5, 2.5]], whose eigenvalues are 4 and 1, with noise of variance 0.4.
const EIGENVALUES: [f64; 2] = [4.0, 1.0];
const NOISE: f64 = 0.4;

fn vae() -> LinearVae {
    let l = 2.5_f64.sqrt();
    LinearVae::new(&array![[l, 0.0], [1.5 / l, (2.5 - 2.25 / 2.5_f64).sqrt()]], NOISE, 2)
}

fn start(weights: usize) -> Weights {
    Array1::from_shape_fn(weights, |i| (1.0 + 7.9 * i as f64).sin() * 0.7)
}

fn trained(vae: &LinearVae, beta: f64) -> Weights {
    let f = |weights: &Weights| {
        vae.objective(weights, |rec, kl| {
            let obj = beta_elbo(rec, kl, beta).unwrap().mean().unwrap();
            (obj.value, obj.grad)
        })
    };
    let (d, k) = (vae.x.ncols(), vae.latents);
    maximum(f, start(2 * d * k + k))
}

/// What beta does, exactly: K, R and the living directions of the table, by training and by reverse water-filling.
#[test]
fn ref_the_law_of_beta() {
    let vae = vae();
    let table = [
        (0.25_f64, 2.99573227_f64, -1.17158633_f64, [0.49371044, 0.94868330]),
        (1.0, 1.60943791, -1.92158633, [0.47434165, 0.77459667]),
        (2.0, 0.91629073, -2.92158633, [0.44721360, 0.44721360]),
        (4.0, 0.45814537, -4.17158633, [0.38729833, 0.0]),
        (8.0, 0.11157178, -6.17158633, [0.22360680, 0.0]),
        (16.0, 0.0, -7.17158633, [0.0, 0.0]),
    ];
    for (beta, kl, rec, a) in table {
        let weights = trained(&vae, beta);
        let [found_rec, found_kl, found_error] = vae.terms(&weights);
        let [closed_rec, closed_kl, closed_error] = water_filling(&EIGENVALUES, NOISE, beta);
        for (found, closed) in [(found_rec, closed_rec), (found_kl, closed_kl), (found_error, closed_error)] {
            assert!((found - closed).abs() < 1e-6, "beta {beta}: {found}, not {closed}");
        }
        assert!((found_kl - kl).abs() < 1e-6 && (found_rec - rec).abs() < 1e-6, "beta {beta}: {found_kl}, {found_rec}");
        // a_i along an eigenvector of eigenvalue l gives means of standard deviation a_i root(l).
        let mut signals: [f64; 2] = [a[0] * 2.0, a[1]];
        signals.sort_by(|a, b| b.total_cmp(a));
        for (found, want) in vae.signals(&weights).into_iter().zip(signals) {
            assert!((found - want).abs() < 2e-6, "beta {beta}: {found}, not {want}");
        }
    }
}

/// Other matrices: a made-up spectrum of three, turned, with as many latents.
#[test]
fn law_training_fills_water_in_reverse() {
    let turn = |i: usize, j: usize, angle: f64| {
        let mut turn = Array2::eye(3);
        (turn[[i, i]], turn[[j, j]]) = (angle.cos(), angle.cos());
        (turn[[i, j]], turn[[j, i]]) = (-angle.sin(), angle.sin());
        turn
    };
    let eigenvalues: [f64; 3] = [3.1, 1.2, 0.35];
    let roots = Array2::from_diag(&Array1::from_iter(eigenvalues.map(f64::sqrt)));
    let factor = turn(0, 1, 0.7).dot(&turn(1, 2, -1.1)).dot(&turn(0, 2, 0.4)).dot(&roots);
    for (noise, beta) in [(0.2, 0.5), (0.2, 1.0), (0.5, 2.0), (0.5, 5.0), (0.3, 12.0)] {
        let vae = LinearVae::new(&factor, noise, 3);
        let weights = trained(&vae, beta);
        let closed = water_filling(&eigenvalues, noise, beta);
        for (found, closed) in vae.terms(&weights).into_iter().zip(closed) {
            assert!((found - closed).abs() < 1e-6, "noise {noise}, beta {beta}: {found}, not {closed}");
        }
        let living = vae.signals(&weights).iter().filter(|&&signal| signal > 1e-3).count();
        assert_eq!(living, eigenvalues.iter().filter(|&&l| l > beta * noise).count());
    }
}

/// A direction of variance l dies at beta = l / s^2: a hundredth before it lives, a hundredth later it does not.
#[test]
fn law_a_direction_dies_at_its_threshold() {
    let vae = vae();
    for (threshold, living) in [(2.5, 2), (10.0, 1)] {
        for (beta, living) in [(0.99 * threshold, living), (1.01 * threshold, living - 1)] {
            let signals = vae.signals(&trained(&vae, beta));
            let found = signals.iter().filter(|&&signal| signal > 0.05).count();
            assert_eq!(found, living, "beta {beta}: {signals:?}");
            assert!(signals[living..].iter().all(|&signal| signal < 1e-4), "beta {beta}: {signals:?}");
        }
    }
}

/// Beta is the price of a nat: dR* / dC, by differences of trained models.
#[test]
fn law_beta_is_the_price_of_a_nat() {
    let vae = vae();
    for beta in [0.5, 1.5, 4.0] {
        let [[r, k, _], [r_next, k_next, _]] = [1.0 - 1e-3, 1.0 + 1e-3].map(|by| vae.terms(&trained(&vae, beta * by)));
        // R is concave in K with third derivatives of the size of beta; training is good to 1e-9.
        let price = (r_next - r) / (k_next - k);
        assert!((price - beta).abs() < 1e-5 * beta, "{price}, not {beta}");
    }
}

/// With the decoder held fixed nothing collapses at a finite beta.
#[test]
fn ref_a_fixed_decoder_collapses_nothing() {
    let vae = vae();
    let w = array![[1.2, 0.3], [0.5, 0.8]];
    let fixed = |weights: &Weights| {
        let mut all = weights.to_vec();
        all.extend(w.iter());
        Array1::from(all)
    };
    let f = |weights: &Weights| {
        let (value, grad) = vae.objective(&fixed(weights), |rec, kl| {
            let obj = beta_elbo(rec, kl, 4.0).unwrap().mean().unwrap();
            (obj.value, obj.grad)
        });
        (value, grad.slice(estimand::ndarray::s![..6]).to_owned())
    };
    let [rec, kl, _] = vae.terms(&fixed(&maximum(f, start(6))));
    assert!((rec + 4.44545084).abs() < 1e-8 && (kl - 0.48074319).abs() < 1e-8, "{rec}, {kl}");
}

/// Steps until |ln(beta / best)| <= 1e-6, from beta = 1, with the inner maximum exact.
fn steps(ceiling: Ceiling<f64>, rate: f64, best: f64) -> usize {
    let mut constrained = Constrained::new(ceiling, 1.0, rate).unwrap();
    for step in 0..1000 {
        if (constrained.beta() / best).ln().abs() <= 1e-6 {
            return step;
        }
        let [rec, kl, _] = water_filling(&EIGENVALUES, NOISE, constrained.beta());
        constrained.update(rec, kl).unwrap();
    }
    panic!("{ceiling:?} does not reach {best}");
}

#[test]
fn ref_multipliers_are_reached_in_so_many_steps() {
    for (best, by_kl, by_error) in [(0.5, 20, 256), (2.0, 20, 63), (8.0, 50, 32)] {
        let [rec, kl, _] = water_filling(&EIGENVALUES, NOISE, best);
        assert_eq!(steps(Ceiling::Kl(kl), 0.5, best), by_kl, "beta {best}");
        assert_eq!(steps(Ceiling::Error(-rec), 0.1, best), by_error, "beta {best}");
    }
}

/// The alternating form, on the matrices themselves: the encoder given the decoder, the decoder given the encoder, the multiplier.
#[test]
fn ref_multipliers_are_reached_by_turns() {
    let s = array![[2.5, 1.5], [1.5, 2.5]];
    let inverse = |m: &Array2<f64>| {
        let det = m[[0, 0]] * m[[1, 1]] - m[[0, 1]] * m[[1, 0]];
        array![[m[[1, 1]], -m[[0, 1]]], [-m[[1, 0]], m[[0, 0]]]] / det
    };
    for (best, most) in [(0.5, 100), (2.0, 50), (8.0, 75)] {
        let [_, target, _] = water_filling(&EIGENVALUES, NOISE, best);
        let mut constrained = Constrained::new(Ceiling::Kl(target), 1.0, 0.3).unwrap();
        let mut w = array![[0.9, 0.2], [-0.3, 0.8]];
        let mut taken = 0;
        while (constrained.beta() / best).ln().abs() > 1e-6 {
            let theta = constrained.beta() * NOISE;
            let precision = w.t().dot(&w) + Array2::<f64>::eye(2) * theta;
            let a = inverse(&precision).dot(&w.t());
            let d = precision.diag().mapv(|p| theta / p);
            let second = a.dot(&s).dot(&a.t());
            let kl = (0..2).map(|i| 0.5 * (d[i] - 1.0 - d[i].ln() + second[[i, i]])).sum::<f64>();
            w = s.dot(&a.t()).dot(&inverse(&(second + Array2::from_diag(&d))));
            constrained.update(f64::NAN, kl).unwrap();
            taken += 1;
            assert!(taken <= most * 3 / 2, "beta {best}: {}", constrained.beta());
        }
        assert!(taken > 10);
    }
}

/// The capacity form has K = max(C, K*(gamma)): above it as if C were not there; at it, no direction is better.
#[test]
fn ref_a_capacity_is_a_floor_of_the_rate() {
    let vae = vae();
    let objective = |gamma: f64, c: f64, weights: &Weights| {
        vae.objective(weights, |rec, kl| {
            let obj = beta_elbo(rec, capacity(kl, c).unwrap(), gamma).unwrap().mean().unwrap();
            (obj.value, obj.grad)
        })
    };
    // K*(1) = 1.609 is above 0.5: the constraint is idle.
    let weights = maximum(|weights| objective(1.0, 0.5, weights), trained(&vae, 0.9));
    assert!((vae.terms(&weights)[1] - 1.60943791).abs() < 1e-6);
    // K*(4) = 0.458 and K*(100) = 0 are below: K is C, at the price at which the constrained form arrives.
    for (gamma, c, rec) in [(4.0, 0.5, Some(-4.010983)), (100.0, 0.5, Some(-4.010983)), (100.0, 1.5, None)] {
        let mut constrained = Constrained::new(Ceiling::Kl(c), 1.0, 0.5).unwrap();
        for _ in 0..60 {
            let [rec, kl, _] = water_filling(&EIGENVALUES, NOISE, constrained.beta());
            constrained.update(rec, kl).unwrap();
        }
        assert!(constrained.beta() < gamma);
        let weights = trained(&vae, constrained.beta());
        let [found, kl, _] = vae.terms(&weights);
        assert!((kl - c).abs() < 1e-6, "gamma {gamma}: {kl}");
        assert!(rec.is_none_or(|rec: f64| (found - rec).abs() < 1e-6), "gamma {gamma}: {found}");
        let best = objective(gamma, c, &weights).0;
        for k in 0..40 {
            let along = Array1::from_shape_fn(weights.len(), |i| ((1 + i + 13 * k) as f64 * 2.3).sin());
            let aside = objective(gamma, c, &(&weights + &(along * 1e-3))).0;
            // Training is good to 1e-9, and K then misses C by as much.
            assert!(aside < best + 1e-7 * gamma, "gamma {gamma}: {aside} > {best}");
        }
    }
}

/// nu R - K with its gradient is nu times R - beta K at beta = 1 / nu, and the terms are as they came.
#[test]
fn law_both_conventions_train_the_same_model() {
    let term =
        |value: [f64; 2], grad: [f64; 2]| ValueGrad { value: Array1::from_iter(value), grad: Array1::from_iter(grad) };
    let terms = || (term([-3.0, -1.0], [0.5, 2.0]), term([2.0, 0.25], [1.0, -4.0]));
    let by_error = Constrained::new(Ceiling::Error(1.0_f64), 4.0, 0.1).unwrap();
    let by_kl = Constrained::new(Ceiling::Kl(1.0_f64), 4.0, 0.1).unwrap();
    assert!((by_error.beta() - 4.0).abs() < 1e-15 * 16.0 && (by_kl.beta() - by_kl.multiplier()).abs() == 0.0);
    let ((rec, kl), (again_rec, again_kl)) = (terms(), terms());
    let (error, rate) = (by_error.elbo(rec, kl).unwrap(), by_kl.elbo(again_rec, again_kl).unwrap());
    let near = |a: f64, b: f64| (a - b).abs() <= 64.0 * f64::EPSILON * b.abs();
    for i in 0..2 {
        assert!(near(error.value[i], rate.value[i] / 4.0));
        assert!(near(error.grad.0[i], rate.grad.0[i] / 4.0) && near(error.grad.1[i], rate.grad.1[i] / 4.0));
    }
    assert_eq!((error.reconstruction, error.kl), (rate.reconstruction, rate.kl));
    assert_eq!(by_error.excess(-3.0, 9.0), 2.0);
    assert_eq!(by_kl.excess(-3.0, 9.0), 8.0);
}

fn unreachable<F: Real>() {
    let of = |x: f64| F::of(x);
    // No multiplier gives so many nats: it falls, and stays a number.
    let mut idle = Constrained::new(Ceiling::Kl(of(5.0)), F::one(), of(10.0)).unwrap();
    let mut tight = Constrained::new(Ceiling::Error(of(-100.0)), F::one(), of(10.0)).unwrap();
    for _ in 0..100 {
        assert_eq!(idle.update(F::zero(), F::zero()).unwrap(), of(-5.0));
        assert_eq!(tight.update(of(-50.0), F::zero()).unwrap(), of(150.0));
    }
    for constrained in [idle, tight.clone()] {
        for number in [constrained.beta(), constrained.multiplier()] {
            assert!(number.is_normal() && number > F::zero());
        }
        assert!((constrained.beta().ln() + of(40.0)).abs() < of(1e-4));
        // And so is what is trained.
        let term =
            |nats: f64| ValueGrad { value: Array1::from_elem(2, of(nats)), grad: Array1::from_elem(2, of(nats)) };
        let obj = constrained.elbo(term(-1e4), term(1e4)).unwrap();
        assert!(obj.value.iter().chain(&obj.grad.0).chain(&obj.grad.1).all(|number| number.is_finite()));
    }
    tight.update(F::neg_infinity(), F::zero()).unwrap();
    assert!(tight.beta().is_normal());
}

#[test]
fn hard_ceilings_that_cannot_be_met() {
    unreachable::<f32>();
    unreachable::<f64>();
    let parameter = |name, value, expected| Error::Parameter { name, value, expected };
    let make = |ceiling, beta, rate| Constrained::new(ceiling, beta, rate).unwrap_err();
    let finite = "a finite number that is not negative";
    assert_eq!(make(Ceiling::Kl(-1.0), 1.0, 0.1), parameter("ceiling", -1.0, finite));
    assert_eq!(make(Ceiling::Error(f64::INFINITY), 1.0, 0.1), parameter("ceiling", f64::INFINITY, "a finite number"));
    assert_eq!(make(Ceiling::Kl(1.0), 0.0, 0.1), parameter("beta", 0.0, "a finite number above 0"));
    assert_eq!(make(Ceiling::Kl(1.0), 1.0, -0.1), parameter("rate", -0.1, "a finite number above 0"));
    let mut constrained = Constrained::new(Ceiling::Kl(1.0), 2.0, 0.1).unwrap();
    let before = constrained.clone();
    let error = constrained.update(0.0, f64::NAN).unwrap_err();
    assert!(matches!(error, Error::Parameter { name: "kl", expected: "a number", .. }));
    assert_eq!(constrained, before);
    constrained.update(f64::NAN, 1.0).unwrap();
    assert_eq!(constrained, before, "at the ceiling; R is not read");
}
