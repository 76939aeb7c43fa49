use rand::Rng;

/// What a bulk draw takes from the caller's generator: number i of a law depends on the key and on
/// i, and on nothing else.
///
/// A key is one word of the generator, whatever the size of the draw. Of n keys two are equal, and
/// then give the same noise, with a chance of n^2 2^-65: 3e-8 for a million draws.
///
/// ```
/// use estimand::noise::{Key, Standard};
///
/// let key = Key::new(7);
/// let mut all = [0.0_f32; 100];
/// key.fill(Standard::Normal, 0, &mut all);
/// let mut some = [0.0; 10];
/// key.fill(Standard::Normal, 60, &mut some);       // numbers 60 to 69, by themselves
/// assert_eq!(all[60..70], some);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl Key {
    /// The key of this word. Neighbouring words make streams that have nothing to do with each other.
    pub fn new(word: u64) -> Self {
        Self(word)
    }

    /// The key that is the next word of a generator.
    pub fn draw_from<R: Rng + ?Sized>(rng: &mut R) -> Self {
        Self(rng.next_u64())
    }
}

/// Streams that are run side by side, so that a vector of any width holds some of them.
pub(super) const LANES: usize = 16;

/// 2^64 over the golden ratio, g below: the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's finaliser: one to one, and a bit that changes turns each bit of the result over
/// with chance 1/2.
#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The words of one block: 16 lanes of xoshiro256++.
///
/// ```text
/// seed_j = mix(mix(key) + j g),   s_j = mix(seed_j + (16 b + l) g),   j = 1..4
/// ```
///
/// with s the state of lane l in block b: four SplitMix64 generators, each seeded by a word of a
/// fifth, whose own seed is the key, mixed. Mixing between key, block and lane is what makes
/// neighbours strangers: half of their bits differ. Since mixing is one to one, lanes and blocks of
/// one key never have the same state; and since the four seeds differ, none has the state 0, which
/// xoshiro256++ would not leave.
///
/// Source: Blackman and Vigna 2021 (xoshiro256++); Steele, Lea and Flood 2014 (SplitMix64).
pub(super) struct Generator {
    state: [[u64; LANES]; 4],
}

impl Generator {
    #[inline(always)]
    pub(super) fn new(key: Key, block: u64) -> Self {
        let mut state = [[0; LANES]; 4];
        let mut seeds = mix(key.0);
        for word in &mut state {
            seeds = seeds.wrapping_add(STEP);
            let seed = mix(seeds);
            for (l, lane) in word.iter_mut().enumerate() {
                let place = (LANES as u64).wrapping_mul(block).wrapping_add(l as u64);
                *lane = mix(seed.wrapping_add(place.wrapping_mul(STEP)));
            }
        }
        Self { state }
    }

    /// The next word of each lane.
    #[inline(always)]
    pub(super) fn words(&mut self) -> [u64; LANES] {
        let [a, b, c, d] = &mut self.state;
        let mut words = [0; LANES];
        for l in 0..LANES {
            words[l] = a[l].wrapping_add(d[l]).rotate_left(23).wrapping_add(a[l]);
            let shifted = b[l] << 17;
            c[l] ^= a[l];
            d[l] ^= b[l];
            b[l] ^= c[l];
            a[l] ^= d[l];
            c[l] ^= shifted;
            d[l] = d[l].rotate_left(45);
        }
        words
    }
}
