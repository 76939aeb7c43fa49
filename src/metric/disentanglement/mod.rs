//! How far the coordinates of a code are the factors that the data were made of.
//!
//! | score | asks | takes | -> |
//! |---|---|---|---|
//! | MIG | is what is known of a factor in one code? | information and entropies | [`mig`] of [`mutual_information`] or [`posterior_information`] |
//! | DCI | is a code about one factor, a factor in one code? | any table of importance, of a [`lasso`] say | [`dci`] |
//! | SAP | is a factor read off one code much better than off the next? | any table of such scores | [`sap`] of [`squared_correlations`] or [`threshold_accuracies`] |
//! | beta-VAE | which factor did pairs share? | pairs that share one | [`beta_vae`] of [`mean_abs_differences`], by a [`LinearClassifier`] |
//! | FactorVAE | the same, without anything fitted | batches that share one | [`Votes`] |
//!
//! Codes are rows `(n, d)`, an example each; factors are classes `(n, K)`, any numbers that tell classes apart. A table
//! has a row a code and a column a factor, `(d, K)`: one that lies the other way is turned by `.t()`, and no shape is
//! guessed. Information is in nats; scores lie between 0 and 1 but for estimates that stray. No code is special: a
//! permutation of codes, factors, classes or rows changes nothing but the order of what is told by code and by factor.
//!
//! What the definitions leave open is settled alike in all of them. A code that never changes says nothing: its
//! information, weight and score are 0. Two codes that say the same have no gap. Where there is one code, the next best
//! is none, and says 0. What is divided by 0 in the definition is an error that names it, never NaN. Chapter
//! `metric/disentanglement`.

mod columns;
mod dci;
mod gap;
mod histogram;
mod information;
mod labels;
mod lasso;
mod logistic;
mod pairs;
mod posterior;
mod predictability;
mod votes;

pub use dci::{Dci, dci};
pub use gap::{Gaps, mig, sap};
pub use histogram::histogram;
pub use information::{entropies, mutual_information};
pub use lasso::{Lasso, lasso};
pub use logistic::LinearClassifier;
pub use pairs::{beta_vae, mean_abs_differences};
pub use posterior::{PosteriorInformation, posterior_information};
pub use predictability::{squared_correlations, threshold_accuracies};
pub use votes::Votes;
