use estimand::ndarray::{Array1, Axis};
use estimand::{Bernoulli, Distribution, Result};

use super::{Batches, Bits};

/// Images at a time.
const BATCH: usize = 500;

/// How often each pixel is ink, `(pixels,)`, with half an image added to either side of its count.
///
/// Errors: none; a batch is of images that there are.
pub fn pixel_means(images: &Bits) -> Result<Array1<f32>> {
    let mut ink = Array1::<f32>::from_elem(images.pixels(), 0.5);
    for batch in &Batches::in_order(images.len(), BATCH)? {
        ink += &images.batch::<f32>(batch)?.sum_axis(Axis(0));
    }
    Ok(ink / (images.len() as f32 + 1.0))
}

/// Mean log-likelihood of images, in nats, when each pixel is a coin of its own with these probabilities: what any model
/// should beat.
///
/// Errors: those of [`Bernoulli::from_probs`] and of its log-density.
pub fn independent_pixels(probs: &Array1<f32>, images: &Bits) -> Result<f64> {
    let coins = Bernoulli::from_probs(&probs.view().insert_axis(Axis(0)))?;
    let mut sum = 0.0;
    for batch in &Batches::in_order(images.len(), BATCH)? {
        let log_p = coins.clone().repeat_rows(batch.len()).log_prob(&images.batch(batch)?)?;
        sum += log_p.iter().copied().map(f64::from).sum::<f64>();
    }
    Ok(sum / images.len() as f64)
}
