//! Beta from step to step: set, scheduled, or found as a multiplier.

use estimand::objective::{Ceiling, Constrained, Schedule};
use lab::vae::Terms;
use lab::{Args, Failure};

/// What a step of ln beta is, a nat of the KL above its ceiling; and of ln nu, a nat of error, which is off by a hundred nats at
/// the start.
const RATE: f32 = 0.01;
const ERROR_RATE: f32 = 2e-4;

/// How steep a sigmoid schedule is.
const SHARPNESS: f32 = 12.0;

pub enum PriceOfNats {
    Set(Schedule<f32>),
    Found(Constrained<f32>),
}

impl PriceOfNats {
    /// As the options say, for epochs of so many images.
    pub fn of(args: &Args, images: usize) -> Result<Self, Failure> {
        let beta = args.number("beta")? as f32;
        let (constraint, form) = (args.choice("constraint")?, args.choice("schedule")?);
        let ceiling = args.optional_number("ceiling")?.map(|nats| nats as f32);
        let batches = images.div_ceil(args.count("batch")?) as f64;
        let steps = (args.number("warm-up")? * batches).round() as usize;
        let set = |schedule| Ok(Self::Set(schedule));
        match (constraint, form, ceiling) {
            ("none", _, Some(_)) => Err("--ceiling says how much, and --constraint of what".into()),
            ("none", "constant", None) => set(Schedule::constant(beta)?),
            ("none", "linear", None) => set(Schedule::linear(0.0, beta, steps)?),
            ("none", "cosine", None) => set(Schedule::cosine(0.0, beta, steps)?),
            ("none", "sigmoid", None) => set(Schedule::sigmoid(0.0, beta, steps, SHARPNESS)?),
            ("none", _, None) => set(Schedule::linear(0.0, beta, steps)?.every((2 * steps).max(1))?),
            (_, _, None) => Err("--constraint asks for a --ceiling in nats".into()),
            (_, "constant", Some(_)) if args.optional_number("capacity")?.is_some() => {
                Err("--capacity is a constraint by penalty; give one of the two".into())
            }
            (_, "constant", Some(_)) if args.optional_number("free-bits")?.is_some() => {
                Err("below what --free-bits leaves free no beta meets a ceiling; give one of the two".into())
            }
            (_, "constant", Some(_)) if beta == 0.0 => Err("a beta that is found begins above 0: see --beta".into()),
            ("kl", "constant", Some(nats)) => Ok(Self::Found(Constrained::new(Ceiling::Kl(nats), beta, RATE)?)),
            (_, "constant", Some(nats)) => Ok(Self::Found(Constrained::new(Ceiling::Error(nats), beta, ERROR_RATE)?)),
            _ => Err("a beta that is found has no --schedule".into()),
        }
    }

    /// The beta of the next step.
    pub fn next(&mut self) -> f32 {
        match self {
            Self::Set(schedule) => schedule.next().unwrap_or_default(),
            Self::Found(constrained) => constrained.beta(),
        }
    }

    /// What the step found.
    pub fn learn(&mut self, terms: &Terms<f32>) -> Result<(), Failure> {
        if let Self::Found(constrained) = self {
            constrained.update(terms.reconstruction, terms.kl)?;
        }
        Ok(())
    }

    /// The beta that a ceiling has found so far.
    pub fn found(&self) -> Option<f32> {
        match self {
            Self::Set(_) => None,
            Self::Found(constrained) => Some(constrained.beta()),
        }
    }
}
