//! The estimators: an entry each, from the law of the latents to the gradient of the cost in its logits.
//!
//! Every entry is a plan of the library: it proposes points, the decoder is asked for the cost there (and for its
//! slope, where the plan's type says so), and the plan combines. The same code trains and is measured.

use estimand::distribution::LogitParts;
use estimand::gradient::{Arm, Baseline, Bias, DisArm, GumbelSoftmax, Plan, Relaxation, ScoreFunction, StraightThrough};
use estimand::ndarray::{Array1, Array2, ArrayView2, Axis, s};
use estimand::rand::rngs::StdRng;
use estimand::{Bernoulli, Categorical, Distribution, Result, Transform, ValueGrad};
use lab::{Mlp, Threads};

use crate::latents::Latents;

/// An estimator of one family, by its name.
#[derive(Debug, Clone, Copy)]
pub struct Estimator {
    pub name: &'static str,
    way: Way,
}

/// From the law of a batch, a parameter row an example, to the gradient in its logits, a row an example.
#[derive(Debug, Clone, Copy)]
enum Way {
    Bits(fn(Bernoulli<'_, f32>, &mut Decoding<'_>) -> Result<Array2<f32>>),
    Classes(fn(Categorical<'_, f32>, &mut Decoding<'_>) -> Result<Array2<f32>>),
}

/// Samples an example of estimators whose draw is one sample: two costs or slopes, as leave-one-out and a pair have.
const SAMPLES: usize = 2;

/// Relaxed samples behind each sample that are averaged; they cost no evaluation.
const SHARES: usize = 10;

/// For bits; the first [`TRAINED`] are trained with.
pub const BITS: &[Estimator] = &[
    bits("leave-one-out", |q, decoding| decoding.score(&q.repeat_rows(SAMPLES), Baseline::LeaveOneOut)),
    bits("DisARM", |q, decoding| {
        let noise = q.noise(decoding.rng);
        decoding.follow(DisArm::propose(&q, noise)?)
    }),
    bits("score, no baseline", |q, decoding| decoding.score(&q.repeat_rows(SAMPLES), Baseline::None)),
    bits("ARM", |q, decoding| {
        let noise = q.noise(decoding.rng);
        decoding.follow(Arm::propose(&q, noise)?)
    }),
];

/// For classes; the first [`TRAINED`] are trained with.
pub const CLASSES: &[Estimator] = &[
    classes("leave-one-out", |q, decoding| decoding.score(&q.repeat_rows(SAMPLES), Baseline::LeaveOneOut)),
    classes("Gumbel, hard", |q, decoding| decoding.gumbel_softmax(&q.repeat_rows(SAMPLES), Relaxation::Hard)),
    classes("score, no baseline", |q, decoding| decoding.score(&q.repeat_rows(SAMPLES), Baseline::None)),
    classes("Gumbel, soft", |q, decoding| decoding.gumbel_softmax(&q.repeat_rows(SAMPLES), Relaxation::Soft)),
    classes("Gumbel, averaged", |q, decoding| {
        let q = q.repeat_rows(SAMPLES);
        let noise = q.noise(decoding.rng);
        let others = q.clone().repeat_rows(SHARES).noise(decoding.rng);
        decoding.follow(StraightThrough::rao_blackwell(&q, noise, &others, decoding.temperature)?)
    }),
    classes("straight-through", |q, decoding| {
        let q = q.repeat_rows(SAMPLES);
        let noise = q.noise(decoding.rng);
        decoding.follow(StraightThrough::propose(&q, noise)?)
    }),
    classes("ReinMax", |q, decoding| {
        let q = q.repeat_rows(SAMPLES);
        let noise = q.noise(decoding.rng);
        decoding.follow(StraightThrough::rein_max(&q, noise)?)
    }),
];

const fn bits(
    name: &'static str,
    way: fn(Bernoulli<'_, f32>, &mut Decoding<'_>) -> Result<Array2<f32>>,
) -> Estimator {
    Estimator { name, way: Way::Bits(way) }
}

const fn classes(
    name: &'static str,
    way: fn(Categorical<'_, f32>, &mut Decoding<'_>) -> Result<Array2<f32>>,
) -> Estimator {
    Estimator { name, way: Way::Classes(way) }
}

/// How many of each family are trained with.
pub const TRAINED: usize = 2;

impl Estimator {
    /// All that the library has for these latents.
    pub fn of(latents: Latents) -> &'static [Self] {
        match latents {
            Latents::Bits { .. } => BITS,
            Latents::Classes { .. } => CLASSES,
        }
    }

    /// An estimate of the gradient of E cost in each example's logits, `(n, width)`, of one draw.
    pub fn gradient(&self, latents: Latents, logits: ArrayView2<'_, f32>, decoding: &mut Decoding<'_>) -> Result<Array2<f32>> {
        match self.way {
            Way::Bits(way) => way(Bernoulli::new(logits)?, decoding),
            Way::Classes(way) => way(Categorical::new(logits, latents.classes())?, decoding),
        }
    }
}

/// The decoder on a batch, as a plan asks for it: the cost of a point z is -log p(x | z).
#[derive(Debug)]
pub struct Decoding<'a> {
    decoder: &'a Mlp<f32>,
    x: ArrayView2<'a, f32>,
    rng: &'a mut StdRng,
    temperature: f32,
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
    /// Mean of log p(x | z) at samples of q.
    pub reconstruction: f64,
    /// The gradient of the mean cost in the decoder's weights, at samples of q; where it learns.
    pub gradient: Option<Mlp<f32>>,
}

impl<'a> Decoding<'a> {
    /// Of images `(n, pixels)`; noise is drawn from `rng`.
    pub fn new(decoder: &'a Mlp<f32>, x: ArrayView2<'a, f32>, rng: &'a mut StdRng, temperature: f32) -> Self {
        let found = Found { evaluations: 0, bias: Bias::Unbiased, reconstruction: 0.0, gradient: None };
        Self { decoder, x, rng, temperature, learns: false, found }
    }

    /// The same, with the gradient in the decoder's weights.
    #[must_use]
    pub fn learning(self) -> Self {
        Self { learns: true, ..self }
    }

    fn score<D: Transform<f32, Parts = LogitParts>>(&mut self, q: &D, baseline: Baseline<'_, f32>) -> Result<Array2<f32>> {
        let noise = q.noise(self.rng);
        self.follow(ScoreFunction::propose(q, noise, baseline)?)
    }

    fn gumbel_softmax(&mut self, q: &Categorical<'_, f32>, at: Relaxation) -> Result<Array2<f32>> {
        let noise = q.noise(self.rng);
        self.follow(GumbelSoftmax::propose(q, noise, self.temperature, at)?)
    }

    /// The mean draw of a plan whose points are samples of q.
    fn follow<P>(&mut self, plan: P) -> Result<Array2<f32>>
    where
        P: Plan<f32, Parts = LogitParts>,
        P::Cost: Answer,
    {
        self.follow_every(1, plan)
    }

    /// The mean draw of a plan, of whose points the first of each `every` is a sample of q, and the others are relaxed.
    fn follow_every<P>(&mut self, every: usize, plan: P) -> Result<Array2<f32>>
    where
        P: Plan<f32, Parts = LogitParts>,
        P::Cost: Answer,
    {
        let (points, n) = (plan.points(), self.x.nrows());
        let k = points.nrows() / n.max(1);
        let ValueGrad { value: cost, grad: slopes } = if every == 1 {
            self.evaluate(points, k, self.learns, P::Cost::SLOPES)?
        } else {
            // The decoder learns from samples of q alone: E log p(x | z) is a mean over those.
            let mut cost = Array1::zeros(points.nrows());
            let mut slopes = Array2::zeros(points.dim());
            for i in 0..every {
                let (sample, each) = (i == 0, s![i..; every]);
                let found = self.evaluate(points.slice(s![i..; every, ..]), k / every, sample && self.learns, true)?;
                cost.slice_mut(each).assign(&found.value);
                slopes.slice_mut(s![i..; every, ..]).assign(&found.grad);
            }
            ValueGrad { value: cost, grad: slopes }
        };
        self.found.evaluations = k;
        self.found.bias = plan.bias();
        let samples = cost.iter().step_by(every).map(|&cost| f64::from(cost));
        self.found.reconstruction = -samples.sum::<f64>() / (n * k / every) as f64;
        let draws = plan.draws();
        Ok(plan.grouped(draws)?.rows(&P::Cost::new(cost, slopes))?.into_flat())
    }

    /// Costs of `k` points an example, with slopes where they are asked for; and what the decoder learns from them.
    fn evaluate(
        &mut self,
        points: ArrayView2<'_, f32>,
        k: usize,
        learns: bool,
        slopes: bool,
    ) -> Result<ValueGrad<Array1<f32>, Array2<f32>>> {
        let (decoder, n) = (self.decoder, points.nrows());
        let rows: Vec<_> = (0..n).map(|i| i / k).collect();
        let x = self.x.select(Axis(0), &rows);
        let trace = decoder.forward(points, Threads::ONE)?;
        let log_p = Bernoulli::new(&trace.output)?.log_prob_grad(&x)?.scaled(-1.0);
        let (cost, d_logits) = (log_p.value, log_p.grad.into_flat());
        let each = 1.0 / n as f32;
        let slopes = match (learns, slopes) {
            (true, true) => {
                let (gradient, slopes) = decoder.backward_to_input(&trace, &(d_logits * each), Threads::ONE)?;
                self.found.gradient = Some(gradient);
                slopes / each
            }
            (true, false) => {
                self.found.gradient = Some(decoder.backward(&trace, &(d_logits * each), Threads::ONE)?);
                Array2::zeros((0, 0))
            }
            (false, true) => decoder.input_gradient(&trace, &d_logits, Threads::ONE)?,
            (false, false) => Array2::zeros((0, 0)),
        };
        Ok(ValueGrad { value: cost, grad: slopes })
    }
}

/// What a plan is told of its points.
pub trait Answer {
    /// Whether slopes are part of it.
    const SLOPES: bool;

    fn new(cost: Array1<f32>, slopes: Array2<f32>) -> Self;
}

impl Answer for Array1<f32> {
    const SLOPES: bool = false;

    fn new(cost: Array1<f32>, _: Array2<f32>) -> Self {
        cost
    }
}

impl Answer for Array2<f32> {
    const SLOPES: bool = true;

    fn new(_: Array1<f32>, slopes: Array2<f32>) -> Self {
        slopes
    }
}

impl Answer for ValueGrad<Array1<f32>, Array2<f32>> {
    const SLOPES: bool = true;

    fn new(value: Array1<f32>, grad: Array2<f32>) -> Self {
        Self { value, grad }
    }
}
