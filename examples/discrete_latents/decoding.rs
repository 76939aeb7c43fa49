//! The user's side of a plan: the decoder, asked for the cost `-log p(x | z)` at the points that a plan proposes.

use estimand::distribution::LogitParts;
use estimand::gradient::{
    Baseline, Bias, Conditional, GumbelSoftmax, Plan, Rebar, Relaxation, ScoreFunction, StraightThrough,
};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, s};
use estimand::noise::Standard;
use estimand::rand::rngs::StdRng;
use estimand::{Bernoulli, Distribution, Perturb, Result, ValueGrad};
use lab::{Mlp, Threads};

/// Relaxed samples behind each sample that are averaged; they cost no evaluation.
const AVERAGED: usize = 10;

/// What estimators are set by.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Of relaxed samples.
    pub temperature: f32,
    /// The weight of REBAR's control, known before the draw.
    pub eta: f32,
}

/// Noise from which REBAR relaxes a sample that is given.
#[derive(Debug, Clone, Copy)]
pub enum Given {
    Own,
    Other,
}

/// The decoder on a batch of images.
#[derive(Debug)]
pub struct Decoding<'a> {
    decoder: &'a Mlp<f32>,
    x: ArrayView2<'a, f32>,
    pub setting: Setting,
    learns: bool,
    pub found: Found,
}

/// What was met on the way to a gradient.
#[derive(Debug)]
pub struct Found {
    /// Points an example at which the decoder was asked.
    pub evaluations: usize,
    /// What the plan says of its own.
    pub bias: Bias,
    /// The eta that would have been best for this batch, where there is one.
    pub best_eta: Option<f32>,
    /// Mean of log p(x | z) at samples of q.
    pub reconstruction: f64,
    /// The gradient of the mean cost in the decoder's weights, at samples of q; where it learns.
    pub gradient: Option<Mlp<f32>>,
}

impl<'a> Decoding<'a> {
    /// Of images `(n, pixels)`.
    pub fn new(decoder: &'a Mlp<f32>, x: ArrayView2<'a, f32>, setting: Setting) -> Self {
        let found =
            Found { evaluations: 0, bias: Bias::Unbiased, best_eta: None, reconstruction: f64::NAN, gradient: None };
        Self { decoder, x, setting, learns: false, found }
    }

    /// The same, with the gradient in the decoder's weights.
    #[must_use]
    pub fn learning(self) -> Self {
        Self { learns: true, ..self }
    }

    /// A uniform number an example.
    pub fn places(&self, rng: &mut StdRng) -> Array1<f32> {
        Standard::Uniform.draw(rng, self.x.nrows())
    }

    pub fn score<D: Perturb<f32>>(
        &mut self,
        q: &D,
        rng: &mut StdRng,
        baseline: Baseline<'_, f32>,
    ) -> Result<Array2<f32>> {
        let noise = q.noise(rng);
        self.follow(&ScoreFunction::propose(q, noise, baseline)?)
    }

    pub fn gumbel_softmax<D: Perturb<f32>>(&mut self, q: &D, rng: &mut StdRng, at: Relaxation) -> Result<Array2<f32>> {
        let noise = q.noise(rng);
        self.follow(&GumbelSoftmax::propose(q, noise, self.setting.temperature, at)?)
    }

    pub fn straight_through<'q, D: Perturb<f32>>(
        &mut self,
        q: &'q D,
        rng: &mut StdRng,
        propose: impl Fn(&'q D, Array2<f32>) -> Result<StraightThrough<'q, f32, D>>,
    ) -> Result<Array2<f32>> {
        let noise = q.noise(rng);
        self.follow(&propose(q, noise)?)
    }

    /// The hard Gumbel-softmax in the mean over relaxed samples; `repeated` gives the law as many samples for each.
    pub fn averaged<D: Perturb<f32>>(
        &mut self,
        q: &D,
        rng: &mut StdRng,
        repeated: impl Fn(&D, usize) -> D,
    ) -> Result<Array2<f32>> {
        let noise = q.noise(rng);
        let others = repeated(q, AVERAGED).noise(rng);
        self.follow(&StraightThrough::rao_blackwell(q, noise, &others, self.setting.temperature)?)
    }

    pub fn rebar<D: Perturb<f32>>(&mut self, q: &D, rng: &mut StdRng, given: Given, eta: f32) -> Result<Array2<f32>> {
        let noise = q.noise(rng);
        let conditional = match given {
            Given::Other => Conditional::Independent(q.noise(rng)),
            Given::Own => Conditional::Common,
        };
        let plan = Rebar::propose(q, noise, conditional, self.setting.temperature)?.with_eta(eta)?;
        // A sample, and two relaxed ones.
        let cost = self.answer(&plan, 3)?;
        self.found.best_eta = Some(plan.best_eta(&cost)?);
        mean_draws(&plan, &cost)
    }

    /// The mean of a plan's draws for each example; its points are samples of q, or the decoder does not learn.
    pub fn follow<P>(&mut self, plan: &P) -> Result<Array2<f32>>
    where
        P: Plan<f32, Parts = LogitParts>,
        P::Cost: Answer,
    {
        let cost = self.answer(plan, 1)?;
        mean_draws(plan, &cost)
    }

    /// What a plan asks for, at its points, of which the first of each `every` is a sample of q.
    fn answer<P: Plan<f32>>(&mut self, plan: &P, every: usize) -> Result<P::Cost>
    where
        P::Cost: Answer,
    {
        let (points, n) = (plan.points(), self.x.nrows());
        let k = points.nrows() / n.max(1);
        let found = if every == 1 {
            self.evaluate(points, k, self.learns, P::Cost::SLOPES)?
        } else {
            // E log p(x | z) is a mean over samples of q: from them alone the decoder learns, and at them no slope is asked
            // for.
            let mut all = ValueGrad { value: Array1::zeros(points.nrows()), grad: Array2::zeros(points.dim()) };
            for i in 0..every {
                let sample = i == 0;
                let found =
                    self.evaluate(points.slice(s![i..; every, ..]), k / every, sample && self.learns, !sample)?;
                all.value.slice_mut(s![i..; every]).assign(&found.value);
                if !sample {
                    all.grad.slice_mut(s![i..; every, ..]).assign(&found.grad);
                }
            }
            all
        };
        self.found.evaluations = k;
        self.found.bias = plan.bias();
        let at_samples = found.value.iter().step_by(every).map(|&cost| f64::from(cost));
        self.found.reconstruction = -at_samples.sum::<f64>() / (n * k / every) as f64;
        Ok(P::Cost::new(found))
    }

    /// Costs of `k` points an example, with slopes where they are asked for; and what the decoder learns of them.
    fn evaluate(
        &mut self,
        points: ArrayView2<'_, f32>,
        k: usize,
        learns: bool,
        slopes: bool,
    ) -> Result<ValueGrad<Array1<f32>, Array2<f32>>> {
        let (decoder, n) = (self.decoder, points.nrows());
        let rows: Vec<_> = (0..n).map(|i| i / k).collect();
        let trace = decoder.forward(points, Threads::ONE)?;
        let cost = Bernoulli::new(&trace.output)?.log_prob_grad(&self.x.select(Axis(0), &rows))?.scaled(-1.0);
        let d_logits = cost.grad.into_flat();
        let each = 1.0 / n as f32;
        let mut grad = Array2::zeros((0, 0));
        if learns && slopes {
            let (gradient, scaled) = decoder.backward_to_input(&trace, &(d_logits * each), Threads::ONE)?;
            self.found.gradient = Some(gradient);
            grad = scaled / each;
        } else if learns {
            self.found.gradient = Some(decoder.backward(&trace, &(d_logits * each), Threads::ONE)?);
        } else if slopes {
            grad = decoder.input_gradient(&trace, &d_logits, Threads::ONE)?;
        }
        Ok(ValueGrad { value: cost.value, grad })
    }
}

fn mean_draws<P: Plan<f32, Parts = LogitParts>>(plan: &P, cost: &P::Cost) -> Result<Array2<f32>> {
    let draws = plan.draws();
    Ok(plan.rows(cost)?.sum_groups(draws)?.scaled(1.0 / draws as f32).into_flat())
}

/// What a plan is told of its points.
pub trait Answer {
    /// Whether slopes are part of it.
    const SLOPES: bool;

    fn new(found: ValueGrad<Array1<f32>, Array2<f32>>) -> Self;
}

impl Answer for Array1<f32> {
    const SLOPES: bool = false;

    fn new(found: ValueGrad<Array1<f32>, Array2<f32>>) -> Self {
        found.value
    }
}

impl Answer for Array2<f32> {
    const SLOPES: bool = true;

    fn new(found: ValueGrad<Array1<f32>, Array2<f32>>) -> Self {
        found.grad
    }
}

impl Answer for ValueGrad<Array1<f32>, Array2<f32>> {
    const SLOPES: bool = true;

    fn new(found: ValueGrad<Array1<f32>, Array2<f32>>) -> Self {
        found
    }
}
