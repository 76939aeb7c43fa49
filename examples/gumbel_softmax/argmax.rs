//! Samples of the Concrete law, and how often each class has the largest share.

use estimand::ndarray::Array1;
use estimand::rand::rngs::StdRng;
use estimand::{Categorical, Concrete, MeanVariance, Result, Sample};
use statrs::function::gamma::gamma_ur;

use crate::{BLOCK, FALSE_ALARMS};

/// Samples that are kept for a picture.
const KEPT: usize = 1000;

/// The least expected count of a cell. Of a cell with the expectation E a Poisson count has the skewness 1/sqrt(E), which
/// multiplies the chance of z standard errors by e^(z^3 / (6 sqrt E)) to first order: at z = 6.4 by 2.4.
const LEAST: f64 = 2500.0;

/// What samples at one temperature have shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Frequencies {
    pub temperature: f64,
    /// Of the largest share, by class.
    pub of: Vec<f64>,
    pub chi_square: f64,
    pub p_value: f64,
    /// The first samples.
    pub kept: Vec<Vec<f64>>,
}

/// The cells of the test: classes by themselves, but for the rarest, which are one.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    probabilities: Vec<f64>,
    /// Classes, by cell.
    cells: Vec<Vec<usize>>,
}

impl Cells {
    pub fn new(logits: &[f64], samples: usize) -> Result<Self> {
        let law = Categorical::shared(Array1::from(logits.to_vec()), logits.len(), 1)?;
        let probabilities = law.mean().row(0).to_vec();
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
        let mut all = Self { probabilities, cells: order.into_iter().map(|class| vec![class]).collect() };
        while all.cells.len() > 1 && all.cells.last().is_some_and(|cell| all.expected(cell) * samples as f64 <= LEAST) {
            let rarest = all.cells.pop().unwrap_or_default();
            if let Some(next) = all.cells.last_mut() {
                next.extend(rarest);
            }
        }
        Ok(all)
    }

    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    pub fn freedom(&self) -> usize {
        self.cells.len() - 1
    }

    fn expected(&self, cell: &[usize]) -> f64 {
        cell.iter().map(|&class| self.probabilities[class]).sum()
    }

    /// What chi-square exceeds at any of so many temperatures with a chance of at most `FALSE_ALARMS`.
    pub fn bound(&self, temperatures: usize) -> f64 {
        let level = FALSE_ALARMS / temperatures as f64;
        let (mut low, mut high) = (0.0, 1000.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.p_value(middle) > level {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    fn p_value(&self, chi_square: f64) -> f64 {
        if self.freedom() == 0 || chi_square == 0.0 {
            return 1.0;
        }
        gamma_ur(0.5 * self.freedom() as f64, 0.5 * chi_square)
    }

    /// `samples` of the Concrete law.
    pub fn draw(&self, logits: &[f64], temperature: f64, samples: usize, rng: &mut StdRng) -> Result<Frequencies> {
        let (logits, classes) = (Array1::from(logits.to_vec()), logits.len());
        let (mut counts, mut kept) = (vec![0_usize; classes], Vec::new());
        for start in (0..samples).step_by(BLOCK) {
            let q = Concrete::shared(logits.view(), classes, temperature, BLOCK.min(samples - start))?;
            for shares in q.sample(rng).rows() {
                let largest = (1..classes).fold(0, |best, k| if shares[k] > shares[best] { k } else { best });
                counts[largest] += 1;
                if kept.len() < KEPT {
                    kept.push(shares.to_vec());
                }
            }
        }
        let n = samples as f64;
        let off = |cell: &Vec<usize>| {
            let (seen, expected) = (cell.iter().map(|&k| counts[k]).sum::<usize>(), n * self.expected(cell));
            (seen as f64 - expected).powi(2) / expected
        };
        // One cell has all samples, and rounding is all that its expectation is off by.
        let chi_square = if self.freedom() == 0 { 0.0 } else { self.cells.iter().map(off).sum() };
        let of = counts.iter().map(|&count| count as f64 / n).collect();
        Ok(Frequencies { temperature, of, chi_square, p_value: self.p_value(chi_square), kept })
    }
}
