//! Adam, the optimiser of all examples.

use estimand::Real;
use pulp::{Arch, Simd, WithSimd};

use crate::Threads;

/// Below this many numbers a second thread costs more than it brings.
const WORTH_A_THREAD: usize = 1 << 15;

/// Adam with bias correction; it minimises.
///
/// ```text
/// m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
/// theta = theta - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
/// ```
///
/// Moments so small that they, or products with them, would be subnormal are kept as 0.
///
/// The settings may be changed between steps, as a schedule of rates does.
///
/// Source: Kingma and Ba 2015, algorithm 1.
#[derive(Debug, Clone)]
pub struct Adam<F> {
    /// The step size, more than 0.
    pub rate: f64,
    /// How much of the mean of gradients is kept at a step, in `[0, 1)`.
    pub beta1: f64,
    /// How much of the mean of squared gradients is kept at a step, in `[0, 1)`.
    pub beta2: f64,
    /// What keeps the division from 0.
    pub epsilon: f64,
    steps: u64,
    state: Vec<Moments<F>>,
}

/// The running means for one parameter array.
#[derive(Debug, Clone)]
struct Moments<F> {
    mean: Vec<F>,
    square: Vec<F>,
}

/// A piece of one parameter array, with all that belongs to it.
struct Part<'a, F> {
    theta: &'a mut [F],
    gradient: &'a [F],
    mean: &'a mut [F],
    square: &'a mut [F],
}

impl<'a, F> Part<'a, F> {
    fn new(theta: &'a mut [F], gradient: &'a [F], state: &'a mut Moments<F>) -> Self {
        Self { theta, gradient, mean: &mut state.mean, square: &mut state.square }
    }

    fn halves(self) -> (Self, Self) {
        let middle = self.theta.len() / 2;
        let (theta, theta_rest) = self.theta.split_at_mut(middle);
        let (gradient, gradient_rest) = self.gradient.split_at(middle);
        let (mean, mean_rest) = self.mean.split_at_mut(middle);
        let (square, square_rest) = self.square.split_at_mut(middle);
        let rest = Self { theta: theta_rest, gradient: gradient_rest, mean: mean_rest, square: square_rest };
        (Self { theta, gradient, mean, square }, rest)
    }
}

/// The numbers that one step has in common.
#[derive(Clone, Copy)]
struct Update<F> {
    keep1: F,
    add1: F,
    keep2: F,
    add2: F,
    correct1: F,
    correct2: F,
    rate: F,
    epsilon: F,
}

/// The step of one part, compiled for the vector registers that the machine has.
struct Advance<'a, F> {
    part: Part<'a, F>,
    update: Update<F>,
}

impl<F: Real> WithSimd for Advance<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Part { theta, gradient, mean, square } = self.part;
        let Update { keep1, add1, keep2, add2, correct1, correct2, rate, epsilon } = self.update;
        for ((theta, &g), (mean, square)) in theta.iter_mut().zip(gradient).zip(mean.iter_mut().zip(square)) {
            let m = keep1 * *mean + add1 * g;
            let v = keep2 * *square + add2 * g * g;
            *theta -= rate * (m * correct1) / ((v * correct2).sqrt() + epsilon);
            // The mean is multiplied further, by the rate: its limit leaves room for that.
            *mean = zero_below(F::min_positive_value() / F::epsilon(), m);
            *square = zero_below(F::min_positive_value(), v);
        }
    }
}

/// `x`, or 0 where it is nearer to 0 than `least`.
///
/// The moments of a gradient that has become 0 shrink for ever. Long after they have stopped moving
/// anything (at the usual `epsilon`), they are subnormal, and many a machine takes a hundred times as
/// long for such numbers.
#[inline(always)]
fn zero_below<F: Real>(least: F, x: F) -> F {
    if x.abs() < least { F::zero() } else { x }
}

/// Why no step was made; the parameters are then as they were.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// As many gradients as parameters are needed, the same at every step.
    #[error("{got} {what} for {expected} parameters")]
    Count {
        /// What was counted: gradients, or the arrays of the first step.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many parameters there are.
        expected: usize,
    },
    /// A gradient stands where another parameter's is due.
    #[error("parameter `{parameter}` is paired with the gradient of `{gradient}`")]
    Name {
        /// The parameter's name.
        parameter: String,
        /// The gradient's name.
        gradient: String,
    },
    /// An array whose length is not the parameter's.
    #[error("the {what} of `{name}` has {got} entries, expected {expected}")]
    Length {
        /// Which array: the gradient, or the state that the first step made.
        what: &'static str,
        /// The parameter's name.
        name: String,
        /// How many entries it has.
        got: usize,
        /// How many entries the parameter has.
        expected: usize,
    },
    /// A setting outside its domain.
    #[error("`{name}` is {value}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The domain.
        expected: &'static str,
    },
}

impl<F: Real> Adam<F> {
    /// Adam with the paper's settings: `beta1 = 0.9`, `beta2 = 0.999`, `epsilon = 1e-8`.
    pub fn new(rate: f64) -> Self {
        Self { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, steps: 0, state: Vec::new() }
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// One step down the gradients: named arrays, in the same order as the parameters.
    ///
    /// Numbers are paired by their place, with each other and with the moments of earlier steps: a gradient
    /// has to lie in memory as its parameter does. Those of `Dense`, `Mlp` and `Vae` do; one of your own, make
    /// from a clone of the parameter.
    ///
    /// Errors: names, numbers or lengths that differ, between the two lists or from the first
    /// step's; settings outside their domain. Nothing is changed then.
    pub fn step<'p, N, M, G>(
        &mut self,
        parameters: impl IntoIterator<Item = (N, &'p mut [F])>,
        gradients: impl IntoIterator<Item = (M, G)>,
    ) -> Result<(), StepError>
    where
        N: AsRef<str>,
        M: AsRef<str>,
        G: AsRef<[F]>,
    {
        let mut parameters: Vec<_> = parameters.into_iter().collect();
        let gradients: Vec<_> = gradients.into_iter().collect();
        self.check_settings()?;
        check_pairs(&parameters, &gradients)?;
        if self.steps == 0 {
            self.state = parameters.iter().map(|(_, p)| Moments::new(p.len())).collect();
        }
        self.check_state(&parameters)?;

        self.steps += 1;
        let t = self.steps as f64;
        let update = Update {
            keep1: F::of(self.beta1),
            add1: F::of(1.0 - self.beta1),
            keep2: F::of(self.beta2),
            add2: F::of(1.0 - self.beta2),
            correct1: F::of(1.0 / (1.0 - self.beta1.powf(t))),
            correct2: F::of(1.0 / (1.0 - self.beta2.powf(t))),
            rate: F::of(self.rate),
            epsilon: F::of(self.epsilon),
        };
        let numbers = parameters.iter().map(|(_, theta)| theta.len()).sum::<usize>();
        let arrays = parameters.iter_mut().zip(&gradients).zip(&mut self.state);
        let parts = arrays.map(|(((_, theta), (_, g)), state)| Part::new(theta, g.as_ref(), state));
        let (first, second): (Vec<_>, Vec<_>) = parts.map(Part::halves).unzip();
        let threads = if numbers < WORTH_A_THREAD { Threads::ONE } else { Threads::here() };
        let advance = |parts: Vec<_>| parts.into_iter().for_each(|part| Arch::new().dispatch(Advance { part, update }));
        threads.join(|| advance(first), || advance(second));
        Ok(())
    }

    fn check_settings(&self) -> Result<(), StepError> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let weight = |x: f64| (0.0..1.0).contains(&x);
        for (name, value, holds, expected) in [
            ("rate", self.rate, positive(self.rate), "a finite number above 0"),
            ("beta1", self.beta1, weight(self.beta1), "a number in [0, 1)"),
            ("beta2", self.beta2, weight(self.beta2), "a number in [0, 1)"),
            ("epsilon", self.epsilon, positive(self.epsilon), "a finite number above 0"),
        ] {
            if !holds {
                return Err(StepError::Setting { name, value, expected });
            }
        }
        Ok(())
    }

    fn check_state<N: AsRef<str>>(&self, parameters: &[(N, &mut [F])]) -> Result<(), StepError> {
        same_count("arrays at the first step", self.state.len(), parameters.len())?;
        for ((name, theta), state) in parameters.iter().zip(&self.state) {
            same_length("state", name.as_ref(), state.mean.len(), theta.len())?;
        }
        Ok(())
    }
}

impl<F: Real> Moments<F> {
    fn new(length: usize) -> Self {
        Self { mean: vec![F::zero(); length], square: vec![F::zero(); length] }
    }
}

fn check_pairs<F, N: AsRef<str>, M: AsRef<str>, G: AsRef<[F]>>(
    parameters: &[(N, &mut [F])],
    gradients: &[(M, G)],
) -> Result<(), StepError> {
    same_count("gradients", gradients.len(), parameters.len())?;
    for ((name, theta), (of, g)) in parameters.iter().zip(gradients) {
        let (name, of) = (name.as_ref(), of.as_ref());
        if name != of {
            return Err(StepError::Name { parameter: name.to_owned(), gradient: of.to_owned() });
        }
        same_length("gradient", name, g.as_ref().len(), theta.len())?;
    }
    Ok(())
}

fn same_count(what: &'static str, got: usize, expected: usize) -> Result<(), StepError> {
    if got == expected { Ok(()) } else { Err(StepError::Count { what, got, expected }) }
}

fn same_length(what: &'static str, name: &str, got: usize, expected: usize) -> Result<(), StepError> {
    if got == expected {
        return Ok(());
    }
    Err(StepError::Length { what, name: name.to_owned(), got, expected })
}
