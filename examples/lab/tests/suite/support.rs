//! What several test modules need.

use std::fs;
use std::path::{Path, PathBuf};

use estimand::Real;
use estimand::ndarray::Array2;
use estimand::rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Numbers uniform in (-1, 1).
pub fn random<F: Real>(rng: &mut ChaCha8Rng, rows: usize, columns: usize) -> Array2<F> {
    Array2::from_shape_simple_fn((rows, columns), || F::of(2.0 * rng.random::<f64>() - 1.0))
}

/// An empty directory of a test's own, taken away when the test is over.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        // Left behind by a run that was ended.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).unwrap();
        path
    }

    /// The names of all that is in it, hidden files too.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
