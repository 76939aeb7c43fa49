//! Sobol' points, scrambled: nets before and after, rows of the law, averages of the right variance.

use estimand::kernel::Level;
use estimand::ndarray::{Array2, ArrayView2, Axis, s};
use estimand::noise::{Key, Sobol, Standard};
use estimand::rand::{RngCore, SeedableRng};
use estimand::{Error, Real};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;

use super::generator::textbook_lane;
use super::{ALARM, assert_strangers, cdf, numbers};
use crate::support::stats::{chance_of_bounded_mean, kolmogorov, kolmogorov_limit};
use crate::support::strategy::config;
use crate::support::threads::with_threads;

fn quasi<F: Real>(key: u64, law: Standard, replicates: usize, points: usize, dim: usize) -> Array2<F> {
    Key::new(key).quasi(law, replicates, points, dim).unwrap()
}

/// The words of uniform numbers, as far as those tell: 23 bits in f32, 52 in f64.
fn words<F: Real>(uniform: &Array2<F>) -> Array2<u64> {
    uniform.mapv(|u| ((u.as_f64() * 2.0_f64.powi(53)) as u64) << 11)
}

/// Points `start`, `start + 1`, ... before they are scrambled.
fn plain_words(start: u32, points: usize, dim: usize) -> Array2<u64> {
    let net = Sobol::new(dim).unwrap();
    let mut words = Array2::zeros((points, dim));
    for (row, i) in words.rows_mut().into_iter().zip(start..) {
        net.point(i).move_into(row);
    }
    words
}

/// The first `digits` binary digits of a word.
fn head(word: u64, digits: u32) -> usize {
    word.checked_shr(64 - digits).unwrap_or(0) as usize
}

/// Whether every interval 2^-m wide of every coordinate holds one of the 2^m points.
fn is_stratified(words: ArrayView2<u64>) -> bool {
    let m = words.nrows().ilog2();
    words.columns().into_iter().all(|column| {
        let mut seen = vec![false; words.nrows()];
        column.iter().for_each(|&word| seen[head(word, m)] = true);
        seen.into_iter().all(|seen| seen)
    })
}

/// Whether two coordinates are a (0, m, 2)-net: every rectangle 2^-a high and 2^-b wide, a + b = m,
/// holds one of the 2^m points.
fn is_net(words: ArrayView2<u64>, [first, second]: [usize; 2]) -> bool {
    let m = words.nrows().ilog2();
    (0..=m).all(|a| {
        let mut seen = vec![false; words.nrows()];
        words.rows().into_iter().for_each(|x| seen[head(x[first], a) << (m - a) | head(x[second], m - a)] = true);
        seen.into_iter().all(|seen| seen)
    })
}

/// 256 coordinates, each stratified, and the first two a net: from any start that is a multiple. The
/// twins are shifted by one point, or have another coordinate in the place of the first.
#[test]
fn law_the_points_are_nets() {
    for m in 0..=10 {
        let n = 1 << m;
        for start in [0, 1, 5, 1000] {
            let words = plain_words(start << m, n, if m < 9 { 256 } else { 20 });
            assert!(is_stratified(words.view()), "2^{m} points from {start}");
            assert!(is_net(words.view(), [0, 1]), "2^{m} points from {start}");
            assert!(m < 4 || !is_net(words.view(), [3, 4]), "the twin of other coordinates passes");
        }
        assert!(m < 2 || !is_stratified(plain_words(1, n, 2).view()), "the shifted twin passes");
    }
}

/// A draw is stratified in every replicate and coordinate, and its first two coordinates are a net. So
/// are its pieces: the sequence is scrambled, not only its first points. Plain noise is none of this.
fn draws_are_nets<F: Real>(key: u64, m: u32) {
    let n = 1 << m;
    let words = words(&quasi::<F>(key, Standard::Uniform, 3, n, 5));
    for piece in (0..=m).map(|level| 1 << level) {
        for piece in words.axis_chunks_iter(Axis(0), piece) {
            assert!(is_stratified(piece) && is_net(piece, [0, 1]), "key {key}, 2^{m} points");
        }
    }
    if m >= 5 {
        let mut twin = words.slice(s![..n, ..]).to_owned();
        twin.swap([0, 1], [1, 1]);
        assert!(!is_net(twin.view(), [0, 1]), "the twin with two numbers exchanged passes");
        let plain = self::words(&Standard::Uniform.draw::<F, _, _>(&mut ChaCha8Rng::seed_from_u64(key), (n, 5)));
        assert!(!is_stratified(plain.view()), "plain noise passes");
    }
}

/// Two points that share k digits of a coordinate, and not the next, share k after scrambling.
fn common_digits_are_kept<F: Real>(key: u64, m: u32) {
    let n = 1 << m;
    let before = plain_words(0, n, 7);
    let after = words(&quasi::<F>(key, Standard::Uniform, 2, n, 7));
    for after in after.axis_chunks_iter(Axis(0), n) {
        for (i, j, c) in (0..n).flat_map(|i| (0..i).flat_map(move |j| (0..7).map(move |c| (i, j, c)))) {
            let common = |x: ArrayView2<u64>| (x[[i, c]] ^ x[[j, c]]).leading_zeros();
            assert_eq!(common(after), common(before.view()), "points {i} and {j}, coordinate {c}");
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_draws_are_nets(key in any::<u64>(), m in 0_u32..9) {
        draws_are_nets::<f32>(key, m);
        draws_are_nets::<f64>(key, m);
    }

    #[test]
    fn law_common_digits_are_kept(key in any::<u64>(), m in 0_u32..7) {
        common_digits_are_kept::<f32>(key, m);
        common_digits_are_kept::<f64>(key, m);
    }

    /// Fewer replicates or columns are the beginning of more.
    #[test]
    fn law_a_draw_begins_with_a_smaller_one(
        key in any::<u64>(),
        law in 0_usize..6,
        m in 0_u32..8,
        (r, d) in (1_usize..5, 0_usize..9),
    ) {
        let (law, n) = (Standard::ALL[law], 1 << m);
        let large = quasi::<f32>(key, law, 5, n, 10);
        // An odd number of columns takes the coordinate that its last normal number needs.
        let small = quasi::<f32>(key, law, r, n, d);
        prop_assert_eq!(large.slice(s![..r * n, ..d]), small);
    }
}

/// Owen's tree, digit by digit, of the textbook's words: coordinate c of replicate r has block
/// 2^52 + 256 r + c of the key, whose lane l gives words l, 16 + l, 32 + l, ...
fn scrambled_by_hand(key: u64, r: u64, c: usize, points: usize) -> Vec<u64> {
    let mut lanes: Vec<_> = (0..16).map(|l| textbook_lane(key, (1 << 52) + 256 * r + c as u64, l)).collect();
    let random: Vec<u64> = (0..points).map(|q| lanes[q % 16].next()).collect();
    let levels = points.ilog2();
    let of_point = |x: u64| {
        let (mut cell, mut word) = (0, 0);
        for k in 0..levels {
            let digit = x >> (63 - k) & 1;
            let flip = random[(1 << k) + cell] >> 63;
            word |= (digit ^ flip) << (63 - k);
            cell |= (digit as usize) << k;
        }
        word | random[cell] << levels >> levels
    };
    plain_words(0, points, c + 1).column(c).iter().map(|&x| of_point(x)).collect()
}

/// Every number of a draw is that of the tree's words, in both precisions and for all laws: a slow
/// twin beside the fast path.
fn numbers_are_of_the_tree<F: Real>() {
    for (key, points, dim) in [(0, 1, 3), (1, 2, 4), (u64::MAX, 32, 7), (0x0123_4567_89ab_cdef, 256, 8)] {
        let tree: Vec<Vec<Vec<u64>>> =
            (0..2).map(|r| (0..8).map(|c| scrambled_by_hand(key, r, c, points)).collect()).collect();
        for law in Standard::ALL {
            let draw = quasi::<F>(key, law, 2, points, dim);
            for ((row, c), &number) in draw.indexed_iter() {
                let (r, i) = (row / points, row % points);
                let pair = law.of_words::<F>([tree[r][c / 2 * 2][i], tree[r][c / 2 * 2 + 1][i]]);
                assert_eq!(number, pair[c % 2], "{law:?}: replicate {r}, point {i}, coordinate {c}");
            }
        }
    }
}

#[test]
fn ref_numbers_are_of_the_tree() {
    numbers_are_of_the_tree::<f32>();
    numbers_are_of_the_tree::<f64>();
}

/// A row by itself, over replicates of one key and over keys: false alarms 1e-9 for each, and a
/// distribution function that is off by .021, twice the limit, is missed as rarely. The twin is the lower
/// edge of its cell: off by up to 1/16.
fn rows_are_of_the_law<F: Real>(key: u64) {
    const DRAWS: usize = 100_000;
    const POINTS: usize = 16;
    let limit = kolmogorov_limit(DRAWS, ALARM);
    assert!(limit < 0.0104);
    for (law, rows) in Standard::ALL.into_iter().zip([0, 1, 7, 8, 14, 15]) {
        let draw = quasi::<F>(key, law, DRAWS, POINTS, 3);
        for c in [0, 2] {
            let column: Vec<f64> = (0..DRAWS).map(|r| draw[[r * POINTS + rows, c]].as_f64()).collect();
            let right = kolmogorov(column.clone(), |z| cdf(law, z));
            assert!(right <= limit, "{law:?}, row {rows}, column {c}: {right} > {limit}");
            let edges = column.into_iter().map(|z| (cdf(law, z) * POINTS as f64).floor() / POINTS as f64).collect();
            assert!(kolmogorov(edges, |u| u) > limit, "{law:?}: the twin passes");
        }
    }
    let keys = (0..DRAWS as u64).map(|k| quasi::<F>(k, Standard::Uniform, 1, 4, 1)[[3, 0]].as_f64()).collect();
    let right = kolmogorov(keys, |u| u);
    assert!(right <= limit, "over keys: {right}");
}

#[test]
fn stat_rows_are_of_the_law() {
    rows_are_of_the_law::<f32>(41);
    rows_are_of_the_law::<f64>(42);
}

/// What is random is independent. Two points that part at digit k + 1 of a coordinate have nothing in
/// common beyond it; neither have two coordinates, replicates, or keys, nor the plain noise of a key.
/// 200 000 pairs: correlations of .032 are seen; that of the twin is 1/20.
#[test]
fn stat_what_is_random_is_independent() {
    const PAIRS: usize = 200_000;
    const POINTS: usize = 16;
    let u = quasi::<f64>(43, Standard::Uniform, PAIRS + 1, POINTS, 4);
    let next = quasi::<f64>(44, Standard::Uniform, PAIRS, POINTS, 4);
    let before = plain_words(0, POINTS, 4);
    let strangers = |what: &str, pair: &dyn Fn(usize) -> (f64, f64)| {
        assert_strangers::<f64>(what, 20, &(0..PAIRS).map(pair).collect::<Vec<_>>());
    };
    for (i, j, c) in [(0, 1, 0), (0, 15, 1), (3, 9, 2), (6, 7, 3), (2, 10, 0), (5, 4, 1)] {
        let common = (before[[i, c]] ^ before[[j, c]]).leading_zeros();
        let beyond = |r: usize, i: usize| (u[[r * POINTS + i, c]] * 2.0_f64.powi(common as i32 + 1)).fract();
        strangers(&format!("points {i} and {j} beyond digit {common}"), &|r| (beyond(r, i), beyond(r, j)));
    }
    for (i, j) in [(0, 0), (0, 1), (7, 2)] {
        for (c, d) in [(0, 1), (1, 2), (0, 3)] {
            strangers(&format!("coordinates {c} and {d}"), &|r| (u[[r * POINTS + i, c]], u[[r * POINTS + j, d]]));
        }
        strangers("replicates", &|r| (u[[r * POINTS + i, 0]], u[[(r + 1) * POINTS + j, 0]]));
        strangers("keys", &|r| (u[[r * POINTS + i, 1]], next[[r * POINTS + j, 1]]));
    }
    // Of one point the number is that of its word, the first of a block; plain noise has no such block.
    let single = quasi::<f64>(43, Standard::Uniform, PAIRS, 1, 1);
    let first = |r: usize| numbers::<f64>(Key::new(43), Standard::Uniform, 4096 * 256 * r as u64, 1)[0];
    strangers("plain noise", &|r| (single[[r, 0]], first(r)));
}

/// The average of `f` over each replicate.
fn averages<F: Real>(draw: &Array2<F>, points: usize, f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let row = |row: estimand::ndarray::ArrayView1<F>| f(&row.iter().map(|x| x.as_f64()).collect::<Vec<_>>());
    let replicate = |rows: ArrayView2<F>| rows.rows().into_iter().map(row).sum::<f64>() / points as f64;
    draw.axis_chunks_iter(Axis(0), points).map(replicate).collect()
}

/// Mean, variance, and the standard error of that variance, from the fourth moment.
fn spread(x: &[f64]) -> [f64; 3] {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let moment = |k| x.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / n;
    [mean, moment(2) * n / (n - 1.0), ((moment(4) - moment(2).powi(2)) / n).sqrt()]
}

/// Standard errors that a normal number is beyond with chance 1e-9.
const ERRORS: f64 = 6.11;

/// prod (1 + u_c - 1/2) over four coordinates: its mean is 1.
fn product(u: &[f64]) -> f64 {
    u.iter().map(|u| 0.5 + u).product()
}

/// The variance of its average over the first n scrambled points, exactly.
///
/// Two numbers that part after k common digits have the covariance
///
///     sum_{l < k} 4^-(l + 2) - 4^-(k + 2),
///
/// since digit l + 1 by itself has the variance 4^-(l + 2), which common digits share and the first
/// different one has with the other sign; those after it are independent. Coordinates are scrambled
/// independently, so E f(x) f(y) = prod (1 + cov_c); and points i and j part where points i xor j and 0
/// do, so that of the pairs one row is enough.
fn variance_of_product(points: usize, dim: usize) -> f64 {
    let cov = |word: u64| match word.leading_zeros() {
        64 => 1.0 / 12.0,
        k => (1.0 - 4.0_f64.powi(-(k as i32))) / 12.0 - 4.0_f64.powi(-(k as i32) - 2),
    };
    let words = plain_words(0, points, dim);
    let terms = words.rows().into_iter().map(|x| x.iter().map(|&word| cov(word).ln_1p()).sum::<f64>().exp_m1());
    terms.sum::<f64>() / points as f64
}

/// The average of four coordinates has, within its cells, the law of 4 n independent uniform numbers, each
/// 1 / (4 n^2) wide: its deviation has a bound that holds at any size (Hoeffding). The product's mean is
/// compared by its exact variance. False alarms: 1e-9 for each. The smallest bias that is seen, of 20 000
/// replicates of 64 points: 4.5e-5 in the one, 3.8e-4 in the other. The twins: cells' lower edges, a
/// bias of 1/128; and points without scrambling.
fn averages_are_unbiased<F: Real>(key: u64) {
    const R: usize = 20_000;
    const POINTS: usize = 64;
    let draw = quasi::<F>(key, Standard::Uniform, R, POINTS, 4);
    let mean = |u: &[f64]| u.iter().sum::<f64>() / 4.0;
    let squares = 4.0 * POINTS as f64 * (0.25 / (POINTS * POINTS) as f64).powi(2);
    let off = spread(&averages(&draw, POINTS, mean))[0] - 0.5;
    assert!(chance_of_bounded_mean(off, R, squares) >= ALARM, "the mean of the coordinates is {off} off");
    let std_error = (variance_of_product(POINTS, 4) / R as f64).sqrt();
    let off = spread(&averages(&draw, POINTS, product))[0] - 1.0;
    assert!(off.abs() < ERRORS * std_error, "the product is {off} off, {std_error}");

    let edges = draw.mapv(|u| (u.as_f64() * POINTS as f64).floor() / POINTS as f64);
    let off = spread(&averages(&edges, POINTS, mean))[0] - 0.5;
    assert!(chance_of_bounded_mean(off, R, squares) < ALARM, "the twin of edges passes: {off}");
    let still = plain_words(0, POINTS, 4).mapv(|word| word as f64 / 2.0_f64.powi(64));
    let off = averages(&still, POINTS, product)[0] - 1.0;
    assert!(off.abs() > ERRORS * std_error, "the twin without scrambling passes: {off}");
}

#[test]
fn stat_averages_are_unbiased() {
    averages_are_unbiased::<f32>(45);
    averages_are_unbiased::<f64>(46);
}

/// The variance over replicates against the exact one, in 1, 2, 4 and 8 coordinates. False alarms 1e-9; the
/// standard error is 1 to 2 %, so that 13 to 25 % are seen. The twin is shifted without carry by one
/// random word a coordinate, which keeps the net too, but scrambles no digit by those before it.
#[test]
fn stat_the_variance_is_owens() {
    const R: usize = 20_000;
    for (dim, points) in [(1, 8), (2, 64), (4, 16), (4, 128), (8, 32)] {
        let exact = variance_of_product(points, dim);
        let check = |draw: &Array2<f64>| {
            let [_, variance, std_error] = spread(&averages(draw, points, product));
            (variance - exact) / std_error
        };
        let off = check(&quasi(47, Standard::Uniform, R, points, dim));
        assert!(off.abs() < ERRORS, "{points} points in {dim}: {off} standard errors");
        let mut rng = ChaCha8Rng::seed_from_u64(48);
        let net = plain_words(0, points, dim);
        let mut twin = Array2::zeros((R * points, dim));
        for mut rows in twin.axis_chunks_iter_mut(Axis(0), points) {
            let shift: Vec<u64> = (0..dim).map(|_| rng.next_u64()).collect();
            rows.indexed_iter_mut().for_each(|((i, c), u)| *u = (net[[i, c]] ^ shift[c]) as f64 / 2.0_f64.powi(64));
        }
        let off = check(&twin);
        assert!(off.abs() > ERRORS, "the shifted twin passes: {off}");
    }
}

/// How the variance falls, exactly: in one coordinate as 1 / (12 n^3), and in two, with n = 2^m, as
/// (100 + 21 m) / (576 n^3), by Owen's gains of a (0, m, 2)-net: 0, 2 and 1 for digits that are together
/// fewer than m, as many as m + 1, or more. In more coordinates the net is not that good: what plain noise
/// has over it at 1024 points.
#[test]
fn law_the_variance_falls_nearly_as_the_cube() {
    for m in 0..=12 {
        let n = 2.0_f64.powi(m);
        // The terms are below 1, with a few roundings of 1/12 each; their sum of n is divided by n.
        let limit = 8.0 * f64::EPSILON;
        let (one, two) = (variance_of_product(1 << m, 1), variance_of_product(1 << m, 2));
        assert!((one - 1.0 / (12.0 * n.powi(3))).abs() <= limit, "{n}: {one}");
        assert!((two - (100.0 + 21.0 * f64::from(m)) / (576.0 * n.powi(3))).abs() <= limit, "{n}: {two}");
    }
    let gain = |dim| (variance_of_product(1, dim) / 1024.0 / variance_of_product(1024, dim)).round();
    assert_eq!([2, 4, 8, 16].map(gain), [338_250.0, 20_791.0, 282.0, 10.0]);
}

/// Where it loses: of five coordinates some have first digits whose parity is the same in all of 16 points.
/// The product of their signs has mean 0 and variance 1; plain noise averages 16 of it, and the net one.
#[test]
fn law_a_rough_function_can_lose() {
    let signs = |words: ArrayView2<u64>, some: usize| -> i32 {
        let parity = |x: estimand::ndarray::ArrayView1<u64>| {
            x.iter().enumerate().filter(|&(c, _)| some >> c & 1 == 1).fold(0, |sum, (_, word)| sum ^ word >> 63)
        };
        words.rows().into_iter().map(|x| 1 - 2 * parity(x) as i32).sum()
    };
    let net = plain_words(0, 16, 5);
    let some = (1..32).find(|&some| signs(net.view(), some).abs() == 16).expect("five vectors of four digits");
    let draw = words(&quasi::<f64>(51, Standard::Uniform, 64, 16, 5));
    let sums: Vec<i32> = draw.axis_chunks_iter(Axis(0), 16).map(|x| signs(x, some)).collect();
    assert!(sums.iter().all(|sum| sum.abs() == 16) && sums.contains(&16) && sums.contains(&-16), "{sums:?}");
}

/// The variance of -ln(1 - v) for v uniform between a and b.
fn variance_within(a: f64, b: f64) -> f64 {
    let (p, q) = (1.0 - b, 1.0 - a);
    let integral = |x: f64| {
        let ln = if x > 0.0 { x.ln() } else { 0.0 };
        [x - x * ln, x * ln * ln - 2.0 * x * ln + 2.0 * x]
    };
    let [low, high] = [integral(p), integral(q)];
    let [first, second] = [(high[0] - low[0]) / (q - p), (high[1] - low[1]) / (q - p)];
    second - first * first
}

/// E |z|^2 for four normal numbers, 1024 points: twice the sum of two exponential numbers, so that the
/// variance of an average is 2 * 4 / n^2 times the sum over the cells of that within them. It is 8.2e-6,
/// where plain noise has 8 / n = 7.8e-3. False alarms: 1e-9. Plain noise is the twin.
fn squares_of_normals<F: Real>(key: u64) {
    const R: usize = 4000;
    const POINTS: usize = 1024;
    let n = POINTS as f64;
    let exact = 8.0 / (n * n) * (0..POINTS).map(|i| variance_within(i as f64 / n, (i + 1) as f64 / n)).sum::<f64>();
    let check = |draw: &Array2<F>| {
        let [mean, variance, std_error] = spread(&averages(draw, POINTS, |z| z.iter().map(|z| z * z).sum()));
        ((mean - 4.0) / (exact / R as f64).sqrt(), (variance - exact) / std_error)
    };
    let (mean, variance) = check(&quasi(key, Standard::Normal, R, POINTS, 4));
    assert!(mean.abs() < ERRORS && variance.abs() < ERRORS, "{mean}, {variance}");
    let plain = Standard::Normal.draw(&mut ChaCha8Rng::seed_from_u64(key), (R * POINTS, 4));
    assert!(check(&plain).1 > ERRORS, "plain noise passes");
}

#[test]
fn stat_squares_of_normals() {
    squares_of_normals::<f32>(49);
    squares_of_normals::<f64>(50);
}

/// Other functions of four normal numbers, averaged over 1024 points: plain noise has 16, 202, 55 and 8.5
/// times the variance, by 1000 replicates of each. Half of that is asked for; the quotient of two such
/// variances is 7 % off at one standard error (of normal numbers, which averages are near to), so that a
/// false alarm is 7 of them away.
#[test]
fn stat_the_variance_is_below_that_of_plain_noise() {
    const R: usize = 1000;
    const POINTS: usize = 1024;
    type Cost = fn(&[f64]) -> f64;
    let costs: [(&str, f64, Cost); 4] = [
        ("cos of the sum", 8.0, |z| z.iter().sum::<f64>().cos()),
        ("exp of the mean", 100.0, |z| (z.iter().sum::<f64>() / 4.0).exp()),
        ("square of the sum", 25.0, |z| z.iter().sum::<f64>().powi(2)),
        ("a half space", 4.0, |z| if z.iter().sum::<f64>() > 1.0 { 1.0 } else { 0.0 }),
    ];
    let draw = quasi::<f64>(52, Standard::Normal, R, POINTS, 4);
    let plain = Standard::Normal.draw(&mut ChaCha8Rng::seed_from_u64(53), (R * POINTS, 4));
    for (what, factor, cost) in costs {
        let [quasi, plain] = [&draw, &plain].map(|draw| spread(&averages(draw, POINTS, cost))[1]);
        assert!(quasi * factor < plain, "{what}: {quasi:e}, plain {plain:e}");
    }
}

fn parameter(name: &'static str, value: f64, expected: &'static str) -> Error {
    Error::Parameter { name, value, expected }
}

/// What the door refuses, before a word is taken.
#[test]
fn hard_counts_that_are_none() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut refused = |replicates, points, dim| {
        Standard::Normal.quasi::<f64, _>(&mut rng, replicates, points, dim).expect_err("a count that is none")
    };
    let power = "a power of two, 2^31 at the most";
    assert_eq!(refused(0, 4, 2), parameter("replicates", 0.0, "at least 1"));
    for points in [0, 3, 6, 1023, 1 << 32, usize::MAX] {
        assert_eq!(refused(1, points, 2), parameter("points", points as f64, power));
    }
    assert_eq!(refused(1, 4, 257), parameter("dim", 257.0, "at most 256"));
    assert_eq!(refused(1, 4, usize::MAX), parameter("dim", usize::MAX as f64, "at most 256"));
    for (replicates, points, dim) in [(usize::MAX, 1, 1), (usize::MAX, 2, 0), (1 << 60, 1, 4), (1 << 50, 4, 4)] {
        let expected = parameter("replicates", replicates as f64, "as many as memory holds");
        assert_eq!(refused(replicates, points, dim), expected);
    }
    assert_eq!(rng.next_u64(), ChaCha8Rng::seed_from_u64(1).next_u64());
    assert_eq!(Sobol::new(257).expect_err("too many"), parameter("dim", 257.0, "at most 256"));
    assert_eq!(Key::new(1).quasi::<f32>(Standard::Uniform, 1, 5, 1), Err(parameter("points", 5.0, power)));
}

/// One word, whatever the shape; no columns, one point, all columns, the last index.
#[test]
fn hard_the_smallest_and_the_largest() {
    for (replicates, points, dim) in [(1, 1, 1), (3, 8, 0), (1, 1, 256), (2, 64, 255)] {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let draw: Array2<f32> = Standard::Gumbel.quasi(&mut rng, replicates, points, dim).unwrap();
        assert_eq!(draw.dim(), (replicates * points, dim));
        assert!(draw.iter().all(|g| g.is_finite() && *g != 0.0));
        let mut same = ChaCha8Rng::seed_from_u64(2);
        assert_eq!(draw, Key::draw_from(&mut same).quasi::<f32>(Standard::Gumbel, replicates, points, dim).unwrap());
        assert_eq!(rng.next_u64(), same.next_u64());
    }
    assert_eq!(Sobol::new(0).unwrap().point(7).len(), 0);
    // Every digit of an index counts.
    assert_eq!(Sobol::new(1).unwrap().point(u32::MAX)[0], u64::from(u32::MAX) << 32);
    let mut rng: Box<dyn RngCore> = Box::new(ChaCha8Rng::seed_from_u64(3));
    assert!(Standard::Laplace.quasi::<f64, _>(&mut *rng, 1, 2, 3).is_ok());
}

/// Two levels, which differ where numbers are multiplied and added, and here do not; and any number
/// of threads, which share more replicates than they are.
fn bits_agree<F: Real>() {
    for law in Standard::ALL {
        let at = |level| Key::new(54).quasi_at::<F>(level, law, 40, 256, 7).unwrap();
        let [plain, fused] = [Level::Plain, Level::Fused].map(at);
        assert!(plain == fused && plain == quasi(54, law, 40, 256, 7), "{law:?}: levels differ");
        for threads in [1, 2, 7] {
            assert_eq!(with_threads(threads, || quasi::<F>(54, law, 40, 256, 7)), plain, "{law:?}, {threads} threads");
        }
    }
}

#[test]
fn stream_quasi_levels_and_threads_agree() {
    bits_agree::<f32>();
    bits_agree::<f64>();
}

type Pinned = (Standard, [f32; 4], [f64; 4]);

/// A change of these is a change of everybody's noise.
#[rustfmt::skip]
const PINNED: [Pinned; 6] = [
    (Standard::Uniform, [0.9845696, 0.21957105, 0.33740872, 0.013890922], [0.9845696227852373, 0.21957111118294936, 0.337408733988637, 0.013890897918626632]),
    (Standard::Normal, [1.7929115, 1.0070186, 0.6367924, 1.5043725], [1.7929116371772977, 1.0070185612732052, 0.6367923979548594, 1.5043725111103508]),
    (Standard::Exponential, [4.171417, 0.24791165, 0.41159695, 0.01398828], [4.171417166064496, 0.24791165295696205, 0.411596970592648, 0.01398827930274653]),
    (Standard::Logistic, [4.1558666, -1.2681675, -0.6748633, -4.262533], [4.155866501589705, -1.2681674770337337, -0.6748632524578395, -4.26253320003301]),
    (Standard::Gumbel, [4.163652, -0.41612753, -0.082924925, -1.45314], [4.16365190977203, -0.41612748242176995, -0.08292490987435573, -1.4531399406697796]),
    (Standard::Laplace, [3.47827, -0.82293195, -0.39331305, -3.5833743], [3.478269985504553, -0.8229319494307504, -0.3933130424905422, -3.5833742987758095]),
];

#[test]
fn stream_quasi_six_laws() {
    fn four<F: Real>(law: Standard) -> [F; 4] {
        let draw = quasi::<F>(2026, law, 3, 8, 3);
        [[0, 0], [5, 1], [7, 2], [23, 1]].map(|at| draw[at])
    }
    for (law, single, double) in PINNED {
        assert_eq!(four::<f32>(law), single, "{law:?}");
        assert_eq!(four::<f64>(law), double, "{law:?}");
    }
}
