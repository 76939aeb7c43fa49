mod bernoulli;
mod gaussian;
mod kl;
mod law;
mod loc_scale;
mod parameters;
mod sample;
mod summary;
