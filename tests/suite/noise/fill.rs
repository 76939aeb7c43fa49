//! Blocks: any piece of a draw, by any number of threads, at any level, into any place.

use estimand::Real;
use estimand::kernel::Level;
use estimand::ndarray::{Array1, Array2, Array3};
use estimand::noise::{Key, Standard};
use estimand::rand::{RngCore, SeedableRng};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;

use crate::support::strategy::config;
use crate::support::threads::with_threads;

/// Numbers as they stand in memory: -0 is not 0.
fn bits<F: Real>(numbers: &[F]) -> Vec<u64> {
    numbers.iter().map(|x| x.as_f64().to_bits()).collect()
}

fn filled<F: Real>(key: Key, law: Standard, start: u64, n: usize) -> Vec<F> {
    let mut out = vec![F::nan(); n];
    key.fill(law, start, &mut out);
    out
}

/// A draw, and the same in pieces that are made one by one.
fn pieces_are_the_whole<F: Real>(key: Key, law: Standard, start: u64, cuts: &[usize]) {
    let n = cuts.iter().sum();
    let whole = filled::<F>(key, law, start, n);
    let mut place = start;
    let mut pieces = Vec::new();
    for &cut in cuts {
        pieces.extend(filled::<F>(key, law, place, cut));
        place += cut as u64;
    }
    assert_eq!(bits(&pieces), bits(&whole), "{law:?} from {start} in {cuts:?}");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_pieces_are_the_whole(
        key in any::<u64>(),
        law in 0_usize..6,
        start in 0_u64..10_000,
        cuts in prop::collection::vec(prop_oneof![0_usize..300, 4000_usize..4200, 0_usize..20_000], 1..8),
    ) {
        pieces_are_the_whole::<f32>(Key::new(key), Standard::ALL[law], start, &cuts);
        pieces_are_the_whole::<f64>(Key::new(key), Standard::ALL[law], start, &cuts);
    }
}

/// Drawn or filled, in any shape, short or long: a draw begins with the numbers of a shorter one.
fn drawn_is_filled<F: Real>() {
    for law in Standard::ALL {
        for n in [0, 1, 255, 256, 4095, 4096, 4097, 100_000] {
            let rng = || ChaCha8Rng::seed_from_u64(5);
            let drawn: Array1<F> = law.draw(&mut rng(), n);
            let mut out = vec![F::nan(); n];
            law.fill(&mut rng(), &mut out);
            assert_eq!(bits(drawn.as_slice().unwrap()), bits(&out), "{law:?}, {n}");
            let longer: Array1<F> = law.draw(&mut rng(), 110_000);
            assert_eq!(bits(&longer.as_slice().unwrap()[..n]), bits(&out), "{law:?}, {n}");
        }
        let table: Array2<F> = law.draw(&mut ChaCha8Rng::seed_from_u64(6), (5, 7));
        let cube: Array3<F> = law.draw(&mut ChaCha8Rng::seed_from_u64(6), [7, 1, 5]);
        assert_eq!(bits(table.as_slice().unwrap()), bits(cube.as_slice().unwrap()));
    }
}

#[test]
fn law_drawn_is_filled() {
    drawn_is_filled::<f32>();
    drawn_is_filled::<f64>();
}

/// A draw takes one word, whatever its size: also none at all.
#[test]
fn law_a_draw_takes_one_word() {
    let mut after = ChaCha8Rng::seed_from_u64(7);
    after.next_u64();
    let after = after.next_u64();
    for n in [0, 1, 10_000] {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let _: Array1<f32> = Standard::Normal.draw(&mut rng, n);
        assert_eq!(rng.next_u64(), after);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        Standard::Gumbel.fill(&mut rng, &mut vec![0.0_f64; n]);
        assert_eq!(rng.next_u64(), after);
    }
}

/// Two levels, which differ where numbers are multiplied and added, and here do not.
fn levels_agree<F: Real>() {
    for law in Standard::ALL {
        let [plain, fused] = [Level::Plain, Level::Fused].map(|level| {
            let mut out = vec![F::nan(); 200_000];
            Key::new(8).fill_at(level, law, 1000, &mut out);
            out
        });
        assert_eq!(bits(&plain), bits(&fused), "{law:?}");
        assert_eq!(bits(&plain), bits(&filled::<F>(Key::new(8), law, 1000, 200_000)), "{law:?}");
    }
}

#[test]
fn stream_levels_agree() {
    levels_agree::<f32>();
    levels_agree::<f64>();
}

/// More than enough numbers for each of seven threads, drawn or filled, from the start of a block or
/// from within.
fn threads_agree<F: Real>() {
    let make = |threads| {
        with_threads(threads, || {
            Standard::ALL.map(|law| {
                let drawn: Array1<F> = law.draw(&mut ChaCha8Rng::seed_from_u64(9), 300_001);
                let from_within = filled::<F>(Key::new(10), law, 4097, 300_001);
                (bits(drawn.as_slice().unwrap()), bits(&from_within))
            })
        })
    };
    let one = make(1);
    assert!(make(2) == one && make(7) == one, "threads differ");
}

#[test]
fn stream_threads_agree() {
    threads_agree::<f32>();
    threads_agree::<f64>();
}

/// Places that no array reaches, and the last there is.
#[test]
fn hard_the_last_places() {
    for start in [u64::MAX, u64::MAX - 5000, 1 << 63] {
        let out = filled::<f32>(Key::new(1), Standard::Normal, start, 10_000);
        assert!(out.iter().all(|z| z.is_finite()));
    }
    // The numbers of a key end at 2^64, and begin again, however they are cut.
    let (end, whole) = (u64::MAX - 99, filled::<f64>(Key::new(1), Standard::Normal, u64::MAX - 99, 9000));
    assert_eq!(whole[100..], filled::<f64>(Key::new(1), Standard::Normal, 0, 8900));
    assert_eq!(whole[5000..], filled::<f64>(Key::new(1), Standard::Normal, end.wrapping_add(5000), 4000));
    let none: Array2<f64> = Standard::Normal.draw(&mut ChaCha8Rng::seed_from_u64(1), (0, 3));
    assert_eq!(none.dim(), (0, 3));
}

/// Four numbers of a law, two at the start and two in the block after three others.
fn four<F: Real>(law: Standard) -> [F; 4] {
    let [first, later] = [0, 3 * 4096 + 77].map(|start| filled::<F>(Key::new(2026), law, start, 2));
    [first[0], first[1], later[0], later[1]]
}

type Pinned = (Standard, [f32; 4], [f64; 4]);

/// A change of these is a change of everybody's noise.
#[rustfmt::skip]
const PINNED: [Pinned; 6] = [
    (Standard::Uniform, [0.16067344, 0.29499513, 0.331734, 0.8226895], [0.16067344843965292, 0.2949950854481783, 0.8485919558777201, 0.24502007806641812]),
    (Standard::Normal, [0.25062597, -0.75866127, -0.8118968, -0.25319016], [-0.5658388584871258, -0.4990949151744435, -0.5412032767785976, 0.5738362490112733]),
    (Standard::Exponential, [0.17515545, 0.34955052, 0.403069, 1.7298526], [0.17515543303052694, 0.349550505198674, 1.8877768078031671, 0.2810641235521794]),
    (Standard::Logistic, [-1.6532258, -0.8712461, -0.7003528, 1.5346761], [-1.653225811254636, -0.8712460770801146, 1.7235999822581136, -1.1253509969515516]),
    (Standard::Gumbel, [-0.603431, -0.19950359, -0.09841609, 1.633851], [-0.6034310094296003, -0.1995035819690945, 1.8068112274599697, -0.34104399910239447]),
    (Standard::Laplace, [-1.135234, -0.5276494, -0.41027462, 1.0367054], [-1.1352340637252178, -0.5276494017188433, 1.1946296272432217, -0.7132679399437857]),
];

#[test]
fn stream_six_laws() {
    for (law, single, double) in PINNED {
        assert_eq!(four::<f32>(law), single, "{law:?}");
        assert_eq!(four::<f64>(law), double, "{law:?}");
    }
}

/// The bits of a whole block, folded into one number (FNV-1a): four numbers do not meet a change of a last place.
fn block<F: Real>(law: Standard, bits: impl Fn(F) -> u64) -> u64 {
    let numbers = filled::<F>(Key::new(2026), law, 0, 4096);
    numbers.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, z| (hash ^ bits(z)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn stream_blocks_of_six_laws() {
    let pinned = [
        (Standard::Uniform, 0x0dba_fde7_3062_ccc1, 0xd25e_d5af_d125_3f59),
        (Standard::Normal, 0xd539_0c00_4c74_03c7, 0x0fe0_0094_e7a7_53de),
        (Standard::Exponential, 0x4798_7954_1204_5d52, 0x7a14_395d_9bf7_13ef),
        (Standard::Logistic, 0xfdf4_34aa_f6c1_87e6, 0x7961_498b_a04f_f995),
        (Standard::Gumbel, 0x26df_8971_3f31_1bd3, 0xecd4_1a08_14b4_1386),
        (Standard::Laplace, 0xd98d_2674_abfb_165f, 0xf620_36ee_2f10_3954),
    ];
    for (law, single, double) in pinned {
        assert_eq!(block::<f32>(law, |z| u64::from(z.to_bits())), single, "{law:?}");
        assert_eq!(block::<f64>(law, f64::to_bits), double, "{law:?}");
    }
}
