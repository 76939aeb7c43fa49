//! What a trained model is worth, where the truth about its data is known.

pub mod disentanglement;
