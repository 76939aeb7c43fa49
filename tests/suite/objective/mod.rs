mod bound;
mod decoder;
mod elbo;
mod pixel;
