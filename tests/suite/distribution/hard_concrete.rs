use estimand::distribution::LogitParts;
use estimand::ndarray::{Array2, ArrayView2, array};
use estimand::{
    BinaryConcrete, Cdf, Distribution, Error, HardConcrete, Mirror, Quasi, Real, Reparameterize, Rows, Sample,
    Transform, check,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::conforms::{self, Family, normal};
use crate::support::near::{assert_eps, assert_gradient, difference_limit};
use crate::support::quadrature::{integral, rounding};
use crate::support::samples;
use crate::support::stats::{chance_of_count, kolmogorov, kolmogorov_limit};
use crate::support::strategy::config;

fn law<F: Real>(l: f64, temperature: f64, gamma: f64, zeta: f64) -> HardConcrete<'static, F> {
    let bits = BinaryConcrete::new(array![[F::of(l)]], F::of(temperature)).unwrap();
    HardConcrete::of(bits, F::of(gamma), F::of(zeta)).unwrap()
}

fn stretched<F: Real>(flat: ArrayView2<'_, F>, repeat: usize, temperature: f64, by: f64) -> HardConcrete<'_, F> {
    let bits = BinaryConcrete::new(flat, F::of(temperature)).unwrap().repeat_rows(repeat);
    HardConcrete::of(bits, F::of(-by), F::of(1.0 + by)).unwrap()
}

struct Gates;

impl Family for Gates {
    fn columns(dim: usize) -> usize {
        dim
    }
    type Parts = LogitParts;
    type Law<'a, F: Real> = HardConcrete<'a, F>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        stretched(flat, repeat, 0.75, 0.125)
    }

    /// Both ends among them.
    fn datum(any: f64) -> f64 {
        f64::from((0.5 + 0.2 * any).clamp(0.0, 1.0) as f32)
    }
}

/// Gates that draws do not clip, so that differences of a path meet no corner.
struct Ajar;

impl Family for Ajar {
    fn columns(dim: usize) -> usize {
        dim
    }
    type Parts = LogitParts;
    type Law<'a, F: Real> = HardConcrete<'a, F>;

    fn law<'a, F: Real>(flat: ArrayView2<'a, F>, repeat: usize) -> Self::Law<'a, F> {
        stretched(flat, repeat, 2.0, 0.007_812_5)
    }

    fn datum(any: f64) -> f64 {
        Gates::datum(any)
    }
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// l + z at the corner of `end`, by its definition.
fn corner(temperature: f64, gamma: f64, zeta: f64, end: f64) -> f64 {
    temperature * ((end - gamma) / (zeta - end)).ln()
}

/// The logistic density.
fn bell(s: f64) -> f64 {
    let tail = (-s.abs()).exp();
    tail / (1.0 + tail).powi(2)
}

fn sigmoid(s: f64) -> f64 {
    1.0 / (1.0 + (-s).exp())
}

#[test]
fn law_the_hard_concrete_conforms() {
    conforms::distribution::<Gates>();
    conforms::transform::<Gates>();
    conforms::cdf::<Gates>();
    conforms::distribution::<Ajar>();
    conforms::reparameterize::<Ajar>();
}

proptest! {
    #![proptest_config(config())]

    /// Of the relaxed bit v it is x = gamma + (zeta - gamma) v inside, and what v has beyond either end.
    #[test]
    fn law_a_gate_is_a_relaxed_bit_stretched_and_clipped(
        l in -4.0..4.0_f64, z in -8.0..8.0_f64, x in 0.01..0.99_f64, temperature in 0.3..3.0_f64, gamma in -0.5..-0.05_f64, zeta in 1.05..1.5_f64
    ) {
        let q = law::<f64>(l, temperature, gamma, zeta);
        let (bit, width) = (q.relaxed(), zeta - gamma);
        // v is from 1/32 of either end on, and rounded three times: its logit, of which T is taken, is off by 3 times 16 epsilon.
        let few = 128.0 * f64::EPSILON * (1.0 + temperature);
        let v = array![[(x - gamma) / width]];
        let (own, its) = (q.log_prob_grad(&array![[x]]).unwrap(), bit.log_prob_grad(&v).unwrap());
        prop_assert!((own.value[0] - (its.value[0] - width.ln())).abs() < few);
        prop_assert!((own.grad.flat()[[0, 0]] - its.grad.flat()[[0, 0]]).abs() < few);
        let beyond = |end: f64| bit.cdf(&array![[(end - gamma) / width]]).unwrap()[[0, 0]];
        let mass = |end: f64| q.log_prob(&array![[end]]).unwrap()[0].exp();
        prop_assert!((mass(0.0) - beyond(0.0)).abs() < few && (mass(1.0) - (1.0 - beyond(1.0))).abs() < few);
        let v = bit.transform(array![[z]]).unwrap().x()[[0, 0]];
        let drawn = q.transform(array![[z]]).unwrap().x()[[0, 0]];
        prop_assert!((drawn - (gamma + width * v).clamp(0.0, 1.0)).abs() < 8.0 * f64::EPSILON);
    }

    /// In the logit and in the temperature, on either side of a corner; beyond it nothing moves.
    #[test]
    fn law_the_path_of_a_gate_is_the_derivative_of_the_draw(
        l in -4.0..4.0_f64, z in -4.0..4.0_f64, d in 0.5..2.0_f64, temperature in 0.3..3.0_f64, gamma in -0.5..-0.05_f64, zeta in 1.05..1.5_f64
    ) {
        let ends = [0.0, 1.0].map(|end| corner(temperature, gamma, zeta, end));
        let away = (l + z - ends[0]).abs().min((l + z - ends[1]).abs());
        prop_assume!(away > 0.02);
        let q = law::<f64>(l, temperature, gamma, zeta);
        let (draw, d_x) = (q.transform(array![[z]]).unwrap(), array![[d]]);
        let path = q.pathwise(&draw, &d_x).unwrap().collect().flat()[[0, 0]];
        let in_temperature = q.d_temperature(&draw, &d_x).unwrap()[0];
        if l + z < ends[0] || l + z > ends[1] {
            prop_assert_eq!((path, in_temperature), (0.0, 0.0));
        }
        let drawn = |l: f64, t: f64| d * law::<f64>(l, t, gamma, zeta).transform(array![[z]]).unwrap().x()[[0, 0]];
        // A corner in T is where T times its logit, at most ln 31, is l + z.
        let warmer = (away / 7.0).min(0.25 * temperature);
        for (found, step, along) in [
            (path, 0.5 * away, check::derivative(|l| drawn(l, temperature), l, 0.5 * away)),
            (in_temperature, warmer, check::derivative(|t| drawn(l, t), temperature, warmer)),
        ] {
            let off = (found - along.unwrap().value).abs();
            prop_assert!(off <= difference_limit::<f64>(d, found, step), "{} by {}", found, off);
        }
    }

    /// The penalty is 1 - P(x = 0), summed, and its gradient is that of the sum.
    #[test]
    fn law_the_l0_penalty_counts_what_is_not_zero(
        l in crate::support::strategy::array((2, 3), -4.0, 4.0), temperature in 0.3..3.0_f64, by in 0.05..0.5_f64
    ) {
        let q = stretched(l.view(), 1, temperature, by);
        let shut = q.cdf(&Array2::zeros((2, 3))).unwrap();
        let penalty = q.expected_l0();
        let open = q.nonzero();
        // Both sides of a sigmoid are rounded a few times, each of three.
        let few = 3.0 * 16.0 * f64::EPSILON;
        for (i, row) in shut.rows().into_iter().enumerate() {
            prop_assert!((penalty.value[i] - (3.0 - row.sum())).abs() < few);
            prop_assert!((penalty.value[i] - open.row(i).sum()).abs() < few);
            let mut one_shut = array![[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]];
            one_shut[[i, 1]] = 0.0;
            let of_one = q.log_prob_grad(&one_shut).unwrap().grad.logits()[[i, 1]];
            prop_assert!((of_one + open[[i, 1]]).abs() < few, "d log P(x = 0) / dl is - P(x != 0)");
        }
        let sum = |l: &Array2<f64>| stretched(l.view(), 1, temperature, by).expected_l0().value.sum();
        assert_gradient("penalty", sum, &l, penalty.grad.logits());
    }
}

/// (logit, temperature, gamma, zeta).
const LAWS: [(f64, f64, f64, f64); 5] = [
    (0.0, 1.0, -0.5, 1.5),
    (1.5, 2.0 / 3.0, -0.1, 1.1),
    (-0.5, 0.25, -0.25, 1.5),
    (-3.0, 2.0, -0.1, 1.2),
    (0.7, 8.0, -0.1, 1.1),
];

/// The density at a node of a quadrature, some of which round to an end.
fn inside(q: &HardConcrete<'_, f64>, x: f64) -> f64 {
    q.log_prob(&array![[x.clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON)]]).unwrap()[0].exp()
}

#[test]
fn ref_masses_and_density_of_a_gate_make_its_distribution() {
    for (l, temperature, gamma, zeta) in LAWS {
        let q = law::<f64>(l, temperature, gamma, zeta);
        let mass = |end: f64| q.log_prob(&array![[end]]).unwrap()[0].exp();
        let cdf = |x: f64| q.cdf(&array![[x]]).unwrap()[[0, 0]];
        let shut = sigmoid(corner(temperature, gamma, zeta, 0.0) - l);
        let few = 64.0 * f64::EPSILON * (1.0 + temperature);
        assert!((mass(0.0) - shut).abs() < few && (cdf(0.0) - shut).abs() < few);
        let between = integral(&[0.0, 0.5, 1.0], |x| inside(&q, x));
        // The rule's own error: corners of the density are off the interval by -gamma and zeta - 1.
        let limit = rounding(1.0) + few;
        let whole = mass(0.0) + between + mass(1.0);
        assert!((whole - 1.0).abs() < limit, "{whole} at {l}, {temperature}");
        for to in [0.125, 0.5, 0.9] {
            let below = mass(0.0) + integral(&[0.0, 0.5 * to, to], |x| inside(&q, x));
            assert!((below - cdf(to)).abs() < limit, "{below} {} at {to}", cdf(to));
        }
        assert_eq!((cdf(-0.5), cdf(-1e-300), cdf(1.0), cdf(2.0)), (0.0, 0.0, 1.0, 1.0));
    }
}

/// A cost with slopes of both signs, and its slope.
fn cost(x: f64) -> (f64, f64) {
    ((x - 0.45).powi(2) + 0.3 * (5.0 * x).sin(), 2.0 * (x - 0.45) + 1.5 * (5.0 * x).cos())
}

/// The mean of the path over the noise: z between the corners, beyond which it is 0.
fn mean_path(q: &HardConcrete<'_, f64>, l: f64) -> f64 {
    let (gamma, zeta) = q.stretch();
    let ends = [0.0, 1.0].map(|end| corner(q.temperature(), gamma, zeta, end) - l);
    let path = |z: f64| {
        let draw = q.transform(array![[z]]).unwrap();
        let d_x = draw.x().mapv(|x| cost(x).1);
        q.pathwise(&draw, &d_x).unwrap().collect().flat()[[0, 0]]
    };
    for beyond in [ends[0] - 1e-6, ends[0] - 30.0, ends[1] + 1e-6, ends[1] + 30.0] {
        assert_eq!(path(beyond), 0.0);
    }
    integral(&[ends[0], 0.5 * (ends[0] + ends[1]), ends[1]], |z| bell(z) * path(z))
}

/// Clipped paths are 0 and the gradient is exact: of both doors, and of the derivative of the mean with its masses.
#[test]
fn ref_the_path_of_a_gate_is_unbiased() {
    for (l, temperature, gamma, zeta) in LAWS {
        let q = law::<f64>(l, temperature, gamma, zeta);
        // E f = f(1) - int f' F dx, of which the derivative in l is this.
        let at = |x: f64| bell(temperature * ((x - gamma) / (zeta - x)).ln() - l);
        let exact = integral(&[0.0, 0.5, 1.0], |x| cost(x).1 * at(x));
        // Costs up to 1, slopes up to 3, both under masses of 1; a density is worth its temperature in digits.
        let limit = rounding(4.0) + 256.0 * f64::EPSILON * (1.0 + temperature);
        let path = mean_path(&q, l);
        assert!((path - exact).abs() < limit, "path {path} {exact} at {l}, {temperature}");

        let score = |x: f64| q.log_prob_grad(&array![[x]]).unwrap();
        let of_end = |x: f64| cost(x).0 * score(x).value[0].exp() * score(x).grad.flat()[[0, 0]];
        let between = integral(&[0.0, 0.5, 1.0], |x| {
            let x = x.clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON);
            cost(x).0 * inside(&q, x) * score(x).grad.flat()[[0, 0]]
        });
        let by_score = of_end(0.0) + between + of_end(1.0);
        assert!((by_score - exact).abs() < limit, "score {by_score} {exact} at {l}, {temperature}");

        // The mean itself, by definition, with its masses.
        let mean = |l: f64| {
            let [a, b] = [0.0, 1.0].map(|end| corner(temperature, gamma, zeta, end) - l);
            let density = |x: f64| {
                let s = temperature * ((x - gamma) / (zeta - x)).ln() - l;
                bell(s) * temperature * (zeta - gamma) / ((x - gamma) * (zeta - x))
            };
            cost(0.0).0 * sigmoid(a)
                + cost(1.0).0 * sigmoid(-b)
                + integral(&[0.0, 0.5, 1.0], |x| cost(x).0 * density(x))
        };
        let slope = check::derivative(mean, l, 0.5).unwrap().value;
        // An integral is off by 270 epsilon, and 270^(2/3) is 42.
        assert!((path - slope).abs() < 42.0 * difference_limit::<f64>(1.0, slope, 0.5), "{path} {slope}");
        // Without the masses it is another number, but of a hot gate, which is never at an end.
        let matters = (between - exact).abs() > 1e-3;
        assert_eq!(matters, temperature < 8.0, "{between} {exact} at {l}, {temperature}");
    }
}

/// A cold gate is a bit: p (1 - p) (f(1) - f(0)), and as near to it as T. A wide stretch is a bit as well; a narrow one relaxed.
#[test]
fn ref_limits_of_a_gate() {
    let l = -0.8;
    let bit = bell(l) * (cost(1.0).0 - cost(0.0).0);
    for temperature in [0.25, 0.01, 1e-4] {
        let path = mean_path(&law::<f64>(l, temperature, -0.125, 1.125), l);
        // The logistic density has slopes up to 0.0963, and is shifted by T ln 9 at the most; slopes of the cost are 2.6 at the most.
        let bound = 0.0963 * temperature * 9.0_f64.ln() * 2.6;
        // z is known to half an epsilon of l, of an interval of the width T.
        assert!((path - bit).abs() < bound + f64::EPSILON / temperature, "{path} {bit} at {temperature}");
    }
    assert!((mean_path(&law::<f64>(l, 2.0, -0.125, 1.125), l) - bit).abs() > 0.01, "a warm gate is another law");
    let far = mean_path(&law::<f64>(-40.0, 0.5, -0.125, 1.125), -40.0);
    assert!(far.abs() < 3.0 * (-38.0_f64).exp(), "a shut gate has no gradient: {far}");

    let (narrow, x) = (1e-9, array![[0.3]]);
    let q = law::<f64>(l, 0.75, -narrow, 1.0 + narrow);
    let (own, its) = (q.log_prob_grad(&x).unwrap(), q.relaxed().log_prob_grad(&x).unwrap());
    // A slope in x of 10 at the most.
    assert!((own.value[0] - its.value[0]).abs() < 10.0 * narrow);
    assert!((own.grad.flat()[[0, 0]] - its.grad.flat()[[0, 0]]).abs() < 10.0 * narrow);
}

/// Rate of false alarms 1e-9, shared by the comparisons of a law. Masses show a logit that is 0.05 off, and the gates between a
/// temperature of 1 for 2/3.
#[test]
fn stat_gates_are_drawn_from_their_law() {
    let (n, alarm) = (200_000, 1e-9);
    for (k, l) in [-1.0, 0.0, 2.0].into_iter().enumerate() {
        let q = HardConcrete::shared(array![l], 2.0 / 3.0, n).unwrap();
        let x: Vec<f64> = q.sample(&mut rng(k as u64)).iter().copied().collect();
        let count = |end: f64| x.iter().filter(|&&x| x == end).count();
        let mass = |l: f64, end: f64| law::<f64>(l, 2.0 / 3.0, -0.1, 1.1).log_prob(&array![[end]]).unwrap()[0].exp();
        let twins = [0.0, 1.0].map(|end| {
            let chance = chance_of_count(count(end), n, mass(l, end));
            assert!(chance > alarm / 9.0, "{} at {end} of the logit {l}: {chance:e}", count(end));
            chance_of_count(count(end), n, mass(l + 0.05, end))
        });
        assert!(twins[0].min(twins[1]) < alarm, "0.05 off is not seen: {twins:?}");

        let between: Vec<f64> = x.iter().copied().filter(|&x| x > 0.0 && x < 1.0).collect();
        let m = between.len();
        let distance = |temperature: f64| {
            let w = |x: f64| temperature * ((x + 0.1) / (1.1 - x)).ln() - l;
            let (from, to) = (sigmoid(w(0.0)), sigmoid(w(1.0)));
            kolmogorov(between.clone(), |x| (sigmoid(w(x)) - from) / (to - from))
        };
        let limit = kolmogorov_limit(m, alarm / 9.0);
        assert!(distance(2.0 / 3.0) < limit, "{} of {m}", distance(2.0 / 3.0));
        assert!(distance(1.0) > limit, "a temperature of 1 is not seen: {} {limit}", distance(1.0));
    }
    samples::shares::<Gates>();
}

/// The mean number of open gates of many draws, against the penalty.
#[test]
fn stat_the_l0_penalty_is_the_mean_number_of_open_gates() {
    let (n, alarm) = (100_000, 1e-9);
    let logits = array![-2.0, 0.0, 1.0];
    let q = HardConcrete::shared(&logits, 2.0 / 3.0, n).unwrap();
    let (x, open) = (q.sample(&mut rng(7)), q.nonzero());
    assert_eq!((open.dim(), q.expected_l0().value.len()), ((1, 3), 1), "of a parameter row, not of a sample");
    for (j, column) in x.columns().into_iter().enumerate() {
        let hits = column.iter().filter(|&&x| x != 0.0).count();
        assert!(chance_of_count(hits, n, open[[0, j]]) > alarm / 3.0, "{hits} {}", open[[0, j]]);
        // The open gates of the wrong sign of the shift.
        let wrong = sigmoid(logits[j] - (2.0 / 3.0) * 11.0_f64.ln());
        assert!(chance_of_count(hits, n, wrong) < alarm);
    }
}

/// Numbers of mpmath 1.3.0, in 120 digits or more: log q as the logarithm of a mass, or of the numerical derivative (`mp.diff`) of
/// P(X <= x) = 1 / (1 + exp(l - T ln((x - gamma) / (zeta - x)))), and its derivative in l by `mp.diff`; rounded to f64.
#[test]
fn ref_log_densities_of_gates() {
    // (l, T, gamma, zeta, x), log q, d log q / dl.
    let table: [([f64; 5], f64, f64); 11] = [
        ([0.5, 0.75, -0.125, 1.125, 0.0], -2.258_320_411_002_902_7, -0.895_474_102_049_399_3),
        ([0.5, 0.75, -0.125, 1.125, 1.0], -1.423_500_006_182_547_6, 0.759_130_504_878_674_6),
        ([0.5, 0.75, -0.125, 1.125, 0.625], -0.479_582_643_559_751_05, -0.097_638_525_681_999_02),
        ([-2.5, 0.5, -0.25, 1.5, 0.0625], -1.394_585_262_134_570_2, 0.700_604_050_669_827_7),
        ([40.0, 0.75, -0.125, 1.125, 0.0], -41.647_918_433_002_16, -1.0),
        ([-40.0, 0.75, -0.125, 1.125, 1.0], -41.647_918_433_002_16, 1.0),
        ([40.0, 0.75, -0.125, 1.125, 0.25], -39.585_651_270_791_72, -1.0),
        (
            [3.0, 2.0, -0.000_976_562_5, 1.000_976_562_5, 0.999_023_437_5],
            -2.543_379_458_963_498,
            0.999_846_771_254_864_7,
        ),
        ([-700.0, 0.5, -0.125, 1.125, 1.0], -701.098_612_288_668_2, 1.0),
        ([1.0, 1e6, -0.125, 1.125, 0.500_000_953_674_316_4], 12.685_109_306_180_761, 0.772_250_230_857_515_9),
        ([2.0, 0.000_976_562_5, -0.125, 1.125, 0.75], -7.847_193_529_686_439_5, -0.761_420_349_560_491_1),
    ];
    for ([l, temperature, gamma, zeta, x], value, slope) in table {
        let log = gamma.abs().ln().abs().max((zeta - 1.0_f64).ln().abs());
        // Two logarithms, of 2 epsilon of themselves and half of their argument, times T and by themselves; and a sum.
        let size = 1.0 + l.abs() + (1.0 + temperature) * log + temperature.ln().abs();
        let found = law::<f64>(l, temperature, gamma, zeta).log_prob_grad(&array![[x]]).unwrap();
        assert_eps(found.value[0], value, size, 8.0, format!("log q of {x} at {l}"));
        assert_eps(found.grad.flat()[[0, 0]], slope, size, 8.0, format!("score of {x} at {l}"));
        if temperature == 1e6 {
            continue;
        }
        // 1e6 is more than the digits of x in f32 are worth.
        let found = law::<f32>(l, temperature, gamma, zeta).log_prob_grad(&array![[x as f32]]).unwrap();
        assert_eps(found.value[0], value, size, 8.0, format!("log q of {x} at {l} in f32"));
        assert_eps(found.grad.flat()[[0, 0]], slope, size, 8.0, format!("score of {x} at {l} in f32"));
    }
}

/// As above: tails, to their own digits; draws with their paths, and a gate without noise.
#[test]
fn ref_tails_paths_and_penalties_of_gates() {
    let few = |l: f64| 64.0 * (1.0 + l.abs());
    // A probability e^s knows s, of the size l, to an epsilon of l.
    let sure = [law::<f64>(40.0, 0.75, -0.125, 1.125), law::<f64>(-40.0, 0.75, -0.125, 1.125)];
    for (q, x) in sure.iter().zip([1.0, 0.0]) {
        let at = q.log_prob_grad(&array![[x]]).unwrap();
        let rare = 2.207_509_625_614_941_8e-17;
        assert_eps(at.value[0], -rare, rare, few(40.0), "the log of a mass near 1");
        assert_eps(at.grad.flat()[[0, 0]].abs(), rare, rare, few(40.0), "and its slope");
    }
    for (l, open, slope) in [
        (0.5, 0.895_474_102_049_399_3, 0.093_600_234_608_221_34),
        (40.0, 1.0, 8.175_961_576_351_637e-19),
        (-40.0, 2.207_509_625_614_941_8e-17, 2.207_509_625_614_941_8e-17),
    ] {
        let q = law::<f64>(l, 0.75, -0.125, 1.125);
        let penalty = q.expected_l0();
        assert_eps(penalty.value[0], open, open, few(l), "penalty");
        assert_eps(penalty.grad.logits()[[0, 0]], slope, slope, few(l), "its slope");
        assert_eps(q.nonzero()[[0, 0]], open, open, few(l), "P(x != 0)");
        let q = law::<f32>(l, 0.75, -0.125, 1.125);
        assert_eps(q.expected_l0().value[0], open, open, few(l), "penalty in f32");
        assert_eps(q.expected_l0().grad.logits()[[0, 0]], slope, slope, few(l), "its slope in f32");
        assert_eps(q.nonzero()[[0, 0]], open, open, few(l), "P(x != 0) in f32");
    }
    // A rare gate whose chance is below the least that 1 - (1 - p) would see.
    let rare = law::<f64>(-700.0, 0.5, -0.125, 1.125).expected_l0();
    assert_eps(rare.value[0], 2.957_902_963_127_931_4e-304, 2.957_902_963_127_931_4e-304, few(700.0), "penalty");

    for ([l, z, temperature, gamma, zeta], x, path, in_temperature) in [
        ([0.5, -0.25, 0.75, -0.125, 1.125], 0.603_212_758_077_893_3, 0.405_303_601_674_617_9, -0.135_101_200_558_206),
        ([-1.0, 0.75, 0.5, -0.25, 1.5], 0.410_696_170_396_754_5, 0.822_512_992_705_580_6, 0.411_256_496_352_790_4),
        ([0.25, -0.5, 2.0, -0.125, 1.125], 0.460_988_283_282_804_7, 0.155_641_234_383_510_9, 0.019_455_154_297_938_863),
    ] {
        let q = law::<f64>(l, temperature, gamma, zeta);
        let draw = q.transform(array![[z]]).unwrap();
        // A sigmoid and its slope of numbers up to 1, some products.
        assert_eps(draw.x()[[0, 0]], x, 1.0, 8.0, "draw");
        let found = q.pathwise(&draw, &array![[1.0]]).unwrap().collect();
        assert_eps(found.flat()[[0, 0]], path, 1.0, 8.0, "path");
        assert_eps(q.d_temperature(&draw, &array![[1.0]]).unwrap()[0], in_temperature, 1.0, 8.0, "in T");
    }
    let q = law::<f64>(0.5, 0.75, -0.125, 1.125);
    assert_eps(q.cdf(&array![[0.625]]).unwrap()[[0, 0]], 0.451_180_737_159_000_5, 1.0, 8.0, "P(X <= 5/8)");
    assert_eps(q.gate()[[0, 0]], 0.653_074_164_002_318_2, 1.0, 8.0, "gate");
    assert_eps(law::<f32>(0.5, 0.75, -0.125, 1.125).gate()[[0, 0]], 0.653_074_164_002_318_2, 1.0, 8.0, "gate in f32");
}

#[test]
fn law_the_gate_without_noise() {
    let l = normal(4, 3, 21).mapv(|l| 3.0 * l);
    // The median at T = 1, and no other.
    let median = |t: f64| stretched(l.view(), 1, t, 0.125).quantile(&Array2::from_elem((4, 3), 0.5)).unwrap();
    let gate = stretched(l.view(), 1, 0.5, 0.125).gate();
    assert!((&gate - &median(1.0)).iter().all(|off| off.abs() < 8.0 * f64::EPSILON));
    assert!((&gate - &median(0.5)).iter().any(|off| off.abs() > 0.01));
    for (l, gate) in l.iter().zip(&gate) {
        assert!((gate - (1.25 * sigmoid(*l) - 0.125).clamp(0.0, 1.0)).abs() < 8.0 * f64::EPSILON);
    }
    assert!(gate.iter().any(|&x| x == 0.0) && gate.iter().any(|&x| x == 1.0), "both ends are reached");
}

#[test]
fn law_noise_of_gates_is_mirrored_and_spread() {
    let q = HardConcrete::identical(&array![0.0_f64, 0.0], 0.7, 64).unwrap();
    let noise = q.noise(&mut rng(3));
    let (x, y) = (q.transform(noise.clone()).unwrap(), q.transform(q.mirror(&noise).unwrap()).unwrap());
    // gamma + zeta is 1, to an epsilon.
    assert!((&x.x() + &y.x()).iter().all(|sum| (sum - 1.0).abs() < 8.0 * f64::EPSILON));
    assert_eq!(q.sample_from(noise).unwrap(), x.x());
    let mut out = Array2::zeros((64, 2));
    q.sample_into(&mut rng(3), &mut out).unwrap();
    assert_eq!((out.view(), q.sample(&mut rng(3))), (x.x(), out.clone()));
    let q = HardConcrete::shared(array![0.0], 0.7, 256).unwrap();
    let noise = q.quasi_noise(&mut rng(4), 256).unwrap();
    assert_eq!(noise.iter().filter(|&&z| z > 0.0).count(), 128, "a net has half of its points on either side");
}

#[test]
fn hard_what_a_gate_refuses() {
    let bits = |t: f64| BinaryConcrete::new(array![[0.0, 0.0]], t);
    let stretch = |gamma, zeta| HardConcrete::of(bits(0.5).unwrap(), gamma, zeta).map(|_| ());
    for value in [0.0, 0.25, f64::NEG_INFINITY] {
        let error = Error::Parameter { name: "gamma", value, expected: "a finite number below 0" };
        assert_eq!(stretch(value, 1.1), Err(error));
    }
    for value in [1.0, 0.5, f64::INFINITY] {
        let error = Error::Parameter { name: "zeta", value, expected: "a finite number above 1" };
        assert_eq!(stretch(-0.1, value), Err(error));
    }
    assert_eq!(stretch(f64::NAN, 1.1).unwrap_err().to_string(), "`gamma` is NaN, expected a finite number below 0");
    assert_eq!(stretch(-0.1, f64::NAN).unwrap_err().to_string(), "`zeta` is NaN, expected a finite number above 1");
    let cold = Error::Parameter { name: "temperature", value: 0.0, expected: "a finite number above 0" };
    assert_eq!(HardConcrete::new(array![[0.0]], 0.0).unwrap_err(), cold);
    assert_eq!(HardConcrete::shared(array![0.0], 0.0, 2).unwrap_err(), cold);
    assert_eq!(HardConcrete::identical(&array![0.0], 0.0, 2).unwrap_err(), cold);
    let none = |name| Error::Parameter { name, value: 0.0, expected: "at least 1" };
    assert_eq!(HardConcrete::shared(array![0.0], 0.5, 0).unwrap_err(), none("samples"));
    assert_eq!(HardConcrete::identical(&array![0.0], 0.5, 0).unwrap_err(), none("rows"));

    let q = HardConcrete::of(bits(0.5).unwrap(), -0.25, 1.5).unwrap();
    for value in [1.5, -1e-300] {
        let outside = Error::Entry { name: "x", index: vec![0, 1], value, expected: "a gate in [0, 1]" };
        assert_eq!(q.log_prob(&array![[0.5, value]]).unwrap_err(), outside);
    }
    let draw = q.transform(array![[0.0, 0.0]]).unwrap();
    let error = Error::Shape { name: "d_x", got: vec![1, 1], expected: vec![1, 2] };
    assert_eq!(q.d_temperature(&draw, &array![[1.0]]), Err(error));
    assert_eq!((q.temperature(), q.stretch(), q.logits()), (0.5, (-0.25, 1.5), array![[0.0, 0.0]].view()));
    assert_eq!(HardConcrete::new(array![[0.0]], 0.5).unwrap().stretch(), (-0.1, 1.1), "the stretch of the paper");
    assert_eq!((q.relaxed().temperature(), q.repeat_rows(3).shape().samples()), (0.5, 3));
}

#[test]
fn hard_sure_gates() {
    let q = HardConcrete::new(array![[f64::INFINITY], [f64::NEG_INFINITY]], 0.5).unwrap();
    let at = |x: [f64; 2]| {
        let at = q.log_prob_grad(&array![[x[0]], [x[1]]]).unwrap();
        (at.value.to_vec(), at.grad.flat().column(0).to_vec())
    };
    let never = f64::NEG_INFINITY;
    assert_eq!(at([1.0, 0.0]), (vec![0.0, 0.0], vec![0.0, 0.0]));
    assert_eq!(at([0.0, 1.0]), (vec![never, never], vec![-1.0, 1.0]), "the limit of the gradient");
    assert_eq!(at([0.5, 0.5]), (vec![never, never], vec![-1.0, 1.0]));
    assert_eq!(at([-0.0, -0.0]), at([0.0, 0.0]), "a zero of either sign is the mass");
    assert_eq!((q.nonzero(), q.gate()), (array![[1.0], [0.0]], array![[1.0], [0.0]]));
    assert_eq!((q.expected_l0().value, q.expected_l0().grad.logits()), (array![1.0, 0.0], array![[0.0], [0.0]].view()));
    let draw = q.draw(&mut rng(0));
    assert_eq!(draw.x(), array![[1.0], [0.0]]);
    assert_eq!(q.pathwise(&draw, &array![[1.0], [f64::INFINITY]]).unwrap().collect().flat(), array![[0.0], [0.0]]);
    assert_eq!(q.d_temperature(&draw, &array![[1.0], [1.0]]).unwrap(), array![0.0, 0.0]);
    let quantile = |p: f64| q.quantile(&array![[p], [p]]).unwrap();
    assert_eq!((quantile(1.0), quantile(0.5)), (array![[1.0], [0.0]], array![[1.0], [0.0]]));
    assert_eq!(quantile(0.0), array![[0.0], [0.0]]);
    assert_eq!(q.cdf(&array![[0.5], [0.5]]).unwrap(), array![[0.0], [1.0]]);
}

fn gates_of_any_size<F: Real>() {
    for temperature in [1e-6, 1.0, 1e6] {
        for l in [-1e4, -3.0, 0.0, 3.0, 1e4] {
            let logits = array![F::of(l), F::of(-l)];
            let q = HardConcrete::shared(&logits, F::of(temperature), 50).unwrap();
            let draw = q.draw(&mut rng(1));
            let ones = Array2::ones((50, 2));
            let rows = q.pathwise(&draw, &ones).unwrap().collect();
            let in_temperature = q.d_temperature(&draw, &ones).unwrap();
            let at = q.log_prob_grad(&draw.x()).unwrap();
            let x = draw.x();
            let own = x.iter().chain(rows.flat()).chain(&in_temperature).chain(&at.value).chain(at.grad.flat());
            assert!(own.copied().all(F::is_finite), "{l} at {temperature}");
            assert!(draw.x().iter().all(|&x| x >= F::zero() && x <= F::one()));
            for x in [0.0, 1e-30, 0.5, 1.0] {
                let at = q.log_prob_grad(&Array2::from_elem((50, 2), F::of(x))).unwrap();
                assert!(at.value.iter().chain(at.grad.flat()).all(|v| v.is_finite()), "{x} under {l} at {temperature}");
                let cdf = q.cdf(&Array2::from_elem((50, 2), F::of(x))).unwrap();
                let back = q.quantile(&cdf).unwrap();
                assert!(cdf.iter().chain(&back).all(|&p| p >= F::zero() && p <= F::one()));
            }
            let penalty = q.expected_l0();
            assert!(penalty.value.iter().chain(penalty.grad.flat()).chain(&q.gate()).all(|v| v.is_finite()));
        }
    }
    // Tails are linear, whatever their size.
    let q = HardConcrete::new(array![[F::of(1e4), F::of(-1e4)]], F::of(1e-6)).unwrap();
    let both = q.log_prob_grad(&array![[F::zero(), F::one()]]).unwrap();
    let wrong = -2e4 - 2e-6 * 11.0_f64.ln();
    assert_eps(both.value[0], wrong, 2e4, 2.0, "two gates on their wrong side");
    assert_eq!(both.grad.flat(), array![[-F::one(), F::one()]]);
}

#[test]
fn hard_gates_of_any_temperature_and_logit() {
    gates_of_any_size::<f64>();
    gates_of_any_size::<f32>();
    // Stretches of any size: nothing but ends is drawn from the largest, and no end from the least.
    for by in [f64::from_bits(1), 1e-300, 1e-12, 1e12, f64::MAX] {
        let zeta = if by < 1.0 { 1.0 + f64::EPSILON } else { by };
        for l in [-30.0, 0.0, 30.0] {
            let q = HardConcrete::of(BinaryConcrete::shared(array![l], 0.75, 50).unwrap(), -by, zeta).unwrap();
            let draw = q.draw(&mut rng(2));
            let path = q.pathwise(&draw, &Array2::ones((50, 1))).unwrap().collect();
            let in_temperature = q.d_temperature(&draw, &Array2::ones((50, 1))).unwrap();
            let at = q.log_prob_grad(&draw.x()).unwrap();
            let x = draw.x();
            let all = x.iter().chain(path.flat()).chain(&in_temperature).chain(&at.value).chain(at.grad.flat());
            assert!(all.copied().all(f64::is_finite), "{l} by {by:e}");
            let penalty = q.expected_l0();
            assert!(penalty.value[0].is_finite() && penalty.grad.flat()[[0, 0]].is_finite());
        }
    }
}

#[test]
fn hard_a_logit_that_is_nan_stays_in_its_row() {
    let q = HardConcrete::new(array![[0.5, -0.5], [f64::NAN, 0.0], [1.0, 2.0]], 0.75).unwrap();
    let clean = HardConcrete::new(array![[0.5, -0.5], [0.0, 0.0], [1.0, 2.0]], 0.75).unwrap();
    let penalty = q.expected_l0();
    assert_eq!(penalty.value.mapv(f64::is_nan), array![false, true, false]);
    let of_row =
        |rows: &Array2<f64>| rows.rows().into_iter().map(|row| row.iter().any(|x| x.is_nan())).collect::<Vec<_>>();
    let only = vec![false, true, false];
    let (mine, other) = (q.draw(&mut rng(5)), clean.draw(&mut rng(5)));
    let ones = Array2::ones((3, 2));
    let path = q.pathwise(&mine, &ones).unwrap();
    for rows in [&mine.x().to_owned(), &q.gate(), &q.nonzero(), &penalty.grad.flat().to_owned()] {
        assert_eq!(of_row(rows), only);
    }
    assert_eq!(path.total(), Err(Error::NaN { name: "pathwise", row: 1 }));
    assert_eq!(q.d_temperature(&mine, &ones).unwrap().mapv(f64::is_nan), array![false, true, false]);
    assert_eq!((mine.x().row(0), mine.x().row(2)), (other.x().row(0), other.x().row(2)));
    let shut = clean.transform(Array2::from_elem((3, 2), -20.0)).unwrap();
    let slopes = array![[1.0, 1.0], [1.0, f64::NAN], [1.0, f64::INFINITY]];
    let path = clean.pathwise(&shut, &slopes).unwrap().collect();
    assert_eq!(of_row(&path.flat().to_owned()), only, "a clipped gate silences an infinite slope, but not a NaN");
    for x in [0.0, 0.5, 1.0] {
        let at = q.log_prob_grad(&Array2::from_elem((3, 2), x)).unwrap();
        assert_eq!(at.value.mapv(f64::is_nan), array![false, true, false]);
        assert_eq!(of_row(&at.grad.flat().to_owned()), only);
    }
    for p in [0.0, 0.5, 1.0] {
        assert_eq!(of_row(&q.quantile(&Array2::from_elem((3, 2), p)).unwrap()), only);
    }
}
