mod log_sum;
mod scalar;
