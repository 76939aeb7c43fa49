//! What was measured, held against what is said of beta; and the answer to what beta does.

use lab::data::Sprites;
use lab::say;

use crate::findings::{Findings, Number};
use crate::training::{Family, Run};

/// All runs, by family, beta and seed.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub runs: &'a [Run],
    pub seeds: usize,
    /// What a code can say of an image, in nats: the logarithm of their number.
    pub most_information: f64,
}

/// The mean of a number over seeds, and how far apart they are.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub mean: f64,
    pub least: f64,
    pub most: f64,
}

/// What rate bought between two betas, means over seeds.
#[derive(Debug, Clone, Copy)]
pub struct Slope {
    pub betas: (f64, f64),
    /// Nats of KL that the larger beta has less, and of reconstruction.
    pub kl: f64,
    pub reconstruction: f64,
}

impl Slope {
    /// Nats of reconstruction a nat of KL.
    pub fn slope(self) -> f64 {
        self.reconstruction / self.kl
    }

    /// Where both trainings have found their maxima, neither is better at the other's beta: the slope is between them.
    pub fn is_between(self) -> bool {
        self.kl > 0.0 && (self.betas.0..=self.betas.1).contains(&self.slope())
    }
}

impl<'a> Report<'a> {
    /// The runs of a family at one beta, a seed each.
    pub fn at(self, family: Family, beta: f64) -> impl Iterator<Item = &'a Run> {
        self.runs.iter().filter(move |run| run.job.family == family && run.job.beta == beta)
    }

    /// A number over seeds.
    pub fn spread(self, family: Family, beta: f64, of: impl Fn(&Findings) -> f64) -> Spread {
        let all: Vec<f64> = self.at(family, beta).map(|run| of(&run.found)).collect();
        Spread {
            mean: all.iter().sum::<f64>() / all.len() as f64,
            least: all.iter().copied().fold(f64::INFINITY, f64::min),
            most: all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// Its mean over seeds.
    pub fn mean(self, family: Family, beta: f64, of: impl Fn(&Findings) -> f64) -> f64 {
        self.spread(family, beta, of).mean
    }

    /// From each beta to the next.
    pub fn slopes(self) -> Vec<Slope> {
        let point = |beta| {
            let of = |number: Number| self.mean(Family::Vae, beta, number);
            (of(|found| found.kl), of(|found| found.reconstruction))
        };
        let pairs = Family::Vae.betas().windows(2);
        pairs
            .map(|pair| {
                let ((kl, reconstruction), (less_kl, less)) = (point(pair[0]), point(pair[1]));
                Slope { betas: (pair[0], pair[1]), kl: kl - less_kl, reconstruction: reconstruction - less }
            })
            .collect()
    }

    /// In how many seeds a number falls from each beta to the next.
    pub fn falls(self, of: impl Fn(&Findings) -> f64) -> usize {
        let curve =
            |seed: usize| self.runs.iter().filter(move |run| run.job.family == Family::Vae && run.job.seed == seed);
        let falls =
            |seed: &usize| curve(*seed).zip(curve(*seed).skip(1)).all(|(run, next)| of(&next.found) < of(&run.found));
        (0..self.seeds).filter(falls).count()
    }

    /// In how many seeds MIG at a beta is above that at 1.
    pub fn gains(self, beta: f64) -> usize {
        let pairs = self.at(Family::Vae, beta).zip(self.at(Family::Vae, 1.0));
        pairs.filter(|(at, one)| mig(&at.found) > mig(&one.found)).count()
    }

    /// The total correlation of each beta-TCVAE, beside that of the beta-VAE of its seed where its reconstruction is the same:
    /// between two betas its logarithm is taken as straight, where it has one, since it falls by factors. Without those beyond all
    /// betas.
    pub fn at_like_reconstruction(self) -> Vec<(&'a Run, f64)> {
        let beside = |run: &'a Run| {
            let curve: Vec<&Findings> = self
                .runs
                .iter()
                .filter(|other| other.job.family == Family::Vae && other.job.seed == run.job.seed)
                .map(|other| &other.found)
                .collect();
            let at = run.found.reconstruction;
            let pair = curve.windows(2).find(|pair| (pair[1].reconstruction..=pair[0].reconstruction).contains(&at))?;
            let share = (pair[0].reconstruction - at) / (pair[0].reconstruction - pair[1].reconstruction);
            let [from, to] = [0, 1].map(|end| total_correlation(pair[end]));
            let between = if from.min(to) > 0.0 { from * (to / from).powf(share) } else { from + share * (to - from) };
            share.is_finite().then_some((run, between))
        };
        self.runs.iter().filter(|run| run.job.family == Family::TcVae).filter_map(beside).collect()
    }

    /// The beta whose MIG is the best in the mean, of all with all latents.
    fn best(self) -> Option<(Family, f64)> {
        let of = |family: Family| family.betas().iter().map(move |&beta| (family, beta));
        let all = [Family::Vae, Family::TcVae].into_iter().flat_map(of);
        all.filter(|(family, beta)| self.mean(*family, *beta, mig).is_finite())
            .max_by(|a, b| self.mean(a.0, a.1, mig).total_cmp(&self.mean(b.0, b.1, mig)))
    }

    /// All tables.
    pub fn tell(self) {
        say(
            "\nkind          beta  seed  reconstruction     KL  information  total correlation  active     MIG     DCI  seconds",
        );
        self.runs.iter().for_each(|run| say(run.line()));
        self.tell_slopes();
        self.tell_like_reconstruction();
        if self.runs.iter().all(|run| run.found.scores.is_some()) {
            self.tell_factors();
            self.tell_latents();
        }
    }

    fn tell_slopes(self) {
        say(
            "\nwhat a nat of KL buys between two betas (means over seeds); where both are at their maxima it is between them:",
        );
        for slope in self.slopes() {
            let ((from, to), nats) = (slope.betas, slope.slope());
            let verdict = if slope.is_between() { "" } else { "  not between them" };
            say(format_args!("  {from:4} to {to:4}: {nats:6.2} nats of reconstruction{verdict}"));
        }
    }

    fn tell_like_reconstruction(self) {
        say("\ntotal correlation of beta-TCVAE, and of the beta-VAE of its seed at like reconstruction:");
        for (run, vae) in self.at_like_reconstruction() {
            let (job, found) = (run.job, &run.found);
            say(format_args!(
                "  beta {:2}, seed {}: {:6.3} beside {vae:6.3}, at {:7.2} nats",
                job.beta,
                job.seed + 1,
                found.parts.total_correlation,
                found.reconstruction
            ));
        }
    }

    /// What is left of each factor.
    fn tell_factors(self) {
        say(
            "\nwhat a sample of the code knows of each factor, of what there is to know (and how often the best guess is right):",
        );
        let names: String = Sprites::FACTORS.iter().map(|name| format!("{name:>14}")).collect();
        say(format_args!("kind          beta{names}"));
        for family in Family::ALL {
            for &beta in family.betas() {
                let cells: String = (0..Sprites::FACTORS.len())
                    .map(|k| {
                        let right = |found: &Findings| found.scores.as_ref().map_or(f64::NAN, |s| s.read[k].accuracy);
                        let share = self.mean(family, beta, kept(k)).max(0.0);
                        let right = self.mean(family, beta, right);
                        format!("  {:4.0} % ({:3.0} %)", 100.0 * share, 100.0 * right)
                    })
                    .collect();
                say(format_args!("{:12} {beta:5}{cells}", family.name()));
            }
        }
    }

    /// Where the factors are.
    fn tell_latents(self) {
        say("\nwhat each active latent knows of each factor, in nats (first seed; least, best and largest beta):");
        for run in self.shown() {
            let Some(scores) = &run.found.scores else { continue };
            let names: String = Sprites::FACTORS.iter().map(|name| format!("{name:>7}")).collect();
            say(format_args!("{} {}: latent     KL{names}", run.job.family.name(), run.job.beta));
            for &j in &run.found.active {
                let cells: String =
                    scores.information.row(j).iter().map(|nats| format!("{:7.2}", nats.max(0.0))).collect();
                say(format_args!("{:>20} {:6.2}{cells}", j + 1, run.found.kl_of[j]));
            }
        }
    }

    /// The beta-VAEs of the least and the largest beta, and between them what has the best MIG: of the first seed.
    pub fn shown(self) -> Vec<&'a Run> {
        let end = |beta: Option<&f64>| beta.map(|&beta| (Family::Vae, beta));
        let betas = Family::Vae.betas();
        let mut shown: Vec<_> = [end(betas.first()), self.best(), end(betas.last())].into_iter().flatten().collect();
        shown.dedup();
        shown.into_iter().filter_map(|(family, beta)| self.at(family, beta).next()).collect()
    }
}

/// The mutual information gap, where factors are known.
pub fn mig(found: &Findings) -> f64 {
    found.scores.as_ref().map_or(f64::NAN, |scores| f64::from(scores.mig.mean))
}

/// DCI's disentanglement, where factors are known.
pub fn disentanglement(found: &Findings) -> f64 {
    found.scores.as_ref().map_or(f64::NAN, |scores| f64::from(scores.dci.disentanglement))
}

/// The part of factor `k` that a sample of the code has kept, where factors are known.
pub fn kept(k: usize) -> impl Fn(&Findings) -> f64 {
    move |found| found.scores.as_ref().map_or(f64::NAN, |scores| scores.read[k].share())
}

/// The total correlation.
pub fn total_correlation(found: &Findings) -> f64 {
    f64::from(found.parts.total_correlation)
}
