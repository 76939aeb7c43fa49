//! Keys, and the streams that they start.

use estimand::Real;
use estimand::noise::{Key, Standard};
use estimand::rand::rngs::StdRng;
use estimand::rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ALARM, assert_strangers, numbers};

/// SplitMix64 as its authors print it.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// xoshiro256++ as its authors print it.
pub(super) struct Xoshiro([u64; 4]);

impl Xoshiro {
    pub(super) fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }
}

/// First numbers of the authors' C programs, as rand_xoshiro 0.7 has them in its tests.
#[test]
fn ref_the_textbook_generators() {
    let mut xoshiro = Xoshiro([1, 2, 3, 4]);
    let words: Vec<u64> = (0..6).map(|_| xoshiro.next()).collect();
    assert_eq!(
        words,
        [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162]
    );
    let mut split = SplitMix(1477776061723855037);
    let words: Vec<u64> = (0..4).map(|_| split.next()).collect();
    assert_eq!(words, [1985237415132408290, 2979275885539914483, 13511426838097143398, 8488337342461049707]);
}

/// The lane of a block by the textbook: four SplitMix64 generators give the four words of its state.
pub(super) fn textbook_lane(key: u64, block: u64, lane: u64) -> Xoshiro {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    // SplitMix64 steps before it mixes.
    let mut seeds = SplitMix(SplitMix(key.wrapping_sub(STEP)).next());
    Xoshiro([(); 4].map(|()| {
        let mut words = SplitMix(seeds.next().wrapping_add((16 * block + lane).wrapping_sub(1).wrapping_mul(STEP)));
        words.next()
    }))
}

/// Every uniform number of a few blocks: in f64 step t of lane l is number 16 t + l of its block;
/// in f32 a word is numbers 32 t + l (its upper half) and 32 t + 16 + l.
#[test]
fn ref_lanes_are_textbook_generators() {
    for (key, block) in [(0, 0), (1, 0), (0, 1), (u64::MAX, 5), (0x0123_4567_89ab_cdef, 1 << 40)] {
        let double = numbers::<f64>(Key::new(key), Standard::Uniform, 4096 * block, 4096);
        let single = numbers::<f32>(Key::new(key), Standard::Uniform, 4096 * block, 4096);
        for lane in 0..16 {
            let mut words = textbook_lane(key, block, lane as u64);
            for step in 0..256 {
                let word = words.next();
                let open = |k: u64, digits: i32| (k as f64 + 0.5) * 2.0_f64.powi(-digits);
                assert_eq!(double[16 * step + lane], open(word >> 12, 52), "key {key}, block {block}, lane {lane}");
                if step < 128 {
                    assert_eq!(single[32 * step + lane], open(word >> 41, 23));
                    assert_eq!(single[32 * step + 16 + lane], open((word & 0xffff_ffff) >> 9, 23));
                }
            }
        }
    }
}

#[test]
fn law_a_key_is_one_word() {
    let (mut rng, mut same) = (ChaCha8Rng::seed_from_u64(1), ChaCha8Rng::seed_from_u64(1));
    assert_eq!(Key::draw_from(&mut rng), Key::new(same.next_u64()));
    assert_eq!(rng.next_u64(), same.next_u64());
}

/// Pairs of number i of two draws, for each pair of keys, with the block that a draw begins with.
fn side_by_side<F: Real>(n: usize, keys: impl Iterator<Item = [(Key, u64); 2]>) -> Vec<(f64, f64)> {
    let mut pairs = Vec::new();
    for draws in keys {
        let [u, v] = draws.map(|(key, block)| numbers::<F>(key, Standard::Uniform, 4096 * block, n));
        pairs.extend(u.into_iter().zip(v));
    }
    pairs
}

/// Both from their first block.
fn firsts(a: Key, b: Key) -> [(Key, u64); 2] {
    [(a, 0), (b, 0)]
}

/// Keys that differ by one, by a bit, by the step of SplitMix64: many short draws, and one long one.
/// A million pairs: correlations of .014 are seen; that of the twin is 1/50.
fn neighbouring_keys_are_strangers<F: Real>() {
    type Next = fn(u64) -> u64;
    let apart: [(&str, Next); 4] = [
        ("one", |k| k.wrapping_add(1)),
        ("the upper bit", |k| k ^ (1 << 63)),
        ("SplitMix64's step", |k| k.wrapping_add(0x9e37_79b9_7f4a_7c15)),
        ("a complement", |k| !k),
    ];
    for (what, next) in apart {
        let keys = (0..31_250).map(|k| firsts(Key::new(k), Key::new(next(k))));
        assert_strangers::<F>(what, 50, &side_by_side::<F>(32, keys));
        assert_strangers::<F>(
            what,
            50,
            &side_by_side::<F>(1_000_000, std::iter::once(firsts(Key::new(9), Key::new(next(9))))),
        );
    }
}

/// What key and block would share if one were added to the other: block 1 of a key with block 0 of
/// the next key, or of the one 16 further, the number of lanes. As above.
fn blocks_of_neighbours_are_strangers<F: Real>() {
    for apart in [1, 16, 4096] {
        let keys = (0..31_250).map(|k| [(Key::new(k), 1), (Key::new(k + apart), 0)]);
        assert_strangers::<F>(&format!("keys {apart} apart"), 50, &side_by_side::<F>(32, keys));
    }
}

#[test]
fn stat_neighbouring_keys_are_strangers() {
    neighbouring_keys_are_strangers::<f32>();
    neighbouring_keys_are_strangers::<f64>();
    blocks_of_neighbours_are_strangers::<f32>();
    blocks_of_neighbours_are_strangers::<f64>();
}

/// Generators seeded with neighbouring numbers, as users seed them: as above.
#[test]
fn stat_neighbouring_seeds_are_strangers() {
    let of_seed = |seed| Key::draw_from(&mut StdRng::seed_from_u64(seed));
    let of_chacha = |seed| Key::draw_from(&mut ChaCha8Rng::seed_from_u64(seed));
    let std = side_by_side::<f64>(32, (0..31_250).map(|s| firsts(of_seed(s), of_seed(s + 1))));
    assert_strangers::<f64>("StdRng", 50, &std);
    let chacha = side_by_side::<f32>(32, (0..31_250).map(|s| firsts(of_chacha(s), of_chacha(s + 1))));
    assert_strangers::<f32>("ChaCha8Rng", 50, &chacha);
    // Two draws of one generator.
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let successive =
        side_by_side::<f64>(32, (0..31_250).map(|_| firsts(Key::draw_from(&mut rng), Key::draw_from(&mut rng))));
    assert_strangers::<f64>("successive draws", 50, &successive);
}

/// Numbers at a distance in one draw: neighbouring lanes, neighbouring words of a lane (16 and 32),
/// the two halves of a word in f32 (16), the coordinates that share a radius (64), neighbouring
/// blocks (4096) and the first number of a block with the last of the one before it (1). As above,
/// with four million pairs: correlations of .007 are seen; that of the twin is 1/100.
fn distant_numbers_are_strangers<F: Real>(key: Key) {
    const PAIRS: usize = 4_000_000;
    let u = numbers::<F>(key, Standard::Uniform, 0, PAIRS + 8192);
    for lag in [1, 2, 3, 5, 8, 15, 16, 17, 32, 48, 64, 128, 256, 4095, 4096, 8192] {
        let pairs: Vec<(f64, f64)> = (0..PAIRS).map(|i| (u[i], u[i + lag])).collect();
        assert_strangers::<F>(&format!("lag {lag}"), 100, &pairs);
    }
}

#[test]
fn stat_distant_numbers_are_strangers() {
    distant_numbers_are_strangers::<f32>(Key::new(21));
    distant_numbers_are_strangers::<f64>(Key::new(22));
}

/// The starts of very many blocks, where a weak seeding would show: lane l of block b against the
/// next lane and the same lane of the next block. Half a million pairs: as the keys.
fn starts_of_blocks_are_strangers<F: Real>(key: Key) {
    const BLOCKS: usize = 32_768;
    let firsts: Vec<Vec<f64>> =
        (0..BLOCKS).map(|b| numbers::<F>(key, Standard::Uniform, 4096 * b as u64, 17)).collect();
    let next_lane = firsts.iter().flat_map(|first| first.windows(2).map(|two| (two[0], two[1])));
    assert_strangers::<F>("lanes", 30, &next_lane.collect::<Vec<_>>());
    let next_block = firsts.windows(2).flat_map(|two| two[0].iter().copied().zip(two[1].iter().copied()));
    assert_strangers::<F>("blocks", 30, &next_block.collect::<Vec<_>>());
}

#[test]
fn stat_starts_of_blocks_are_strangers() {
    starts_of_blocks_are_strangers::<f32>(Key::new(23));
    starts_of_blocks_are_strangers::<f64>(Key::new(0));
}

/// Pearson's statistic of the cells of a square that pairs of numbers fall into.
fn square(side: usize, pairs: &[(f64, f64)]) -> f64 {
    let mut cells = vec![0_u32; side * side];
    for (u, v) in pairs {
        cells[(u * side as f64) as usize * side + (v * side as f64) as usize] += 1;
    }
    let expected = pairs.len() as f64 / cells.len() as f64;
    cells.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

/// Pairs fill the square evenly: 4096 cells, 500 of two million pairs each. False alarms: 1e-9, by
/// the bound of Laurent and Massart 2000 (lemma 1) on the law of chi-square that Pearson's statistic
/// is near to. The twin repeats one number in 250.
fn pairs_fill_the_square<F: Real>(key: Key) {
    let u = numbers::<F>(key, Standard::Uniform, 0, 4_000_000);
    let freedom = 4095.0_f64;
    let x = (2.0 / ALARM).ln();
    let (least, most) = (freedom - 2.0 * (freedom * x).sqrt(), freedom + 2.0 * (freedom * x).sqrt() + 2.0 * x);
    for lag in [1, 16, 64] {
        let pairs: Vec<(f64, f64)> =
            (0..4_000_000).filter(|i| i / lag % 2 == 0 && i + lag < 4_000_000).map(|i| (u[i], u[i + lag])).collect();
        let found = square(64, &pairs);
        assert!((least..most).contains(&found), "lag {lag}: {found}");
        let twin: Vec<_> = pairs.iter().enumerate().map(|(i, &(u, v))| (u, if i % 250 == 0 { u } else { v })).collect();
        let found = square(64, &twin);
        assert!(found > most, "lag {lag}: the twin passes with {found}");
    }
}

#[test]
fn stat_pairs_fill_the_square() {
    pairs_fill_the_square::<f32>(Key::new(24));
    pairs_fill_the_square::<f64>(Key::new(25));
}
