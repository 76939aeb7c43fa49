mod expectation;
mod pareto;
mod path;
mod vimco;
mod weights;
