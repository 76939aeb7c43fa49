use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, ArrayView1, Axis, Zip};

use super::columns::Units;
use super::labels::{Labels, finite_rows, one_a_row};
use crate::rows::pairwise;
use crate::shape::{positive, same_shape};
use crate::special::log_softmax;
use crate::{Real, Result};

/// Steps of Newton's method, at the most. Each makes the likelihood of separable rows e times as good, down to the ridge.
const STEPS: usize = 200;

/// Multinomial logistic regression with a ridge: the linear classifier of [`beta_vae`](super::beta_vae).
///
/// ```text
/// minimise  - mean of ln softmax(z W + b)[class] + (ridge / 2) |W|^2,   z: x less its means, over its standard deviations
/// ```
///
/// The minimum is the only one, and is found without randomness: by Newton's method, whose steps are made by conjugate
/// gradients and halved until they go down. The ridge has no unit, and is needed: of rows that a plane separates the
/// likelihood has no maximum. A column that never changes has weight 0.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearClassifier<F> {
    /// The classes that occur, in their order.
    pub classes: Vec<usize>,
    /// W in these units, `(d, classes)`; each row adds up to 0.
    pub weights: Array2<F>,
    /// b, `(classes,)`; they add up to 0.
    pub intercepts: Array1<F>,
    /// The largest derivative that is left: 0 but for rounding.
    pub slack: F,
    units: Units<F>,
}

impl<F: Real> LinearClassifier<F> {
    /// Fitted to rows and their classes.
    ///
    /// Shapes: `x: (n, d)`, `classes: (n,)`. Time is that of some tens of products of `x` with its weights, for each
    /// step.
    /// Errors: `TooFew` of no rows, `Count` of no columns; `NaN` with the row, `Entry` where one is infinite; `Shape` of
    /// `classes`; `Parameter` of a ridge that is not a finite number above 0.
    /// Source: Nocedal and Wright 2006, algorithm 7.1.
    ///
    /// ```
    /// use estimand::{metric::disentanglement::LinearClassifier, ndarray::array};
    /// let (x, classes) = (array![[0.0], [1.0], [2.0], [3.0]], array![4, 4, 9, 9]);
    /// let fitted = LinearClassifier::fit(&x, &classes, 0.01)?;
    /// assert_eq!(fitted.predict(&array![[1.4], [1.6]])?, array![4, 9]);
    /// assert_eq!(fitted.accuracy(&x, &classes)?, 1.0);
    /// # Ok::<(), estimand::Error>(())
    /// ```
    pub fn fit(x: &ArrayRef2<F>, classes: &ArrayRef1<usize>, ridge: F) -> Result<Self> {
        finite_rows("x", x)?;
        one_a_row("classes", x.nrows(), classes)?;
        positive("ridge", ridge)?;
        let units = Units::of(x);
        let (n, d) = x.dim();
        let mut z = Array2::ones((n, d + 1));
        z.columns_mut().into_iter().zip(units.standardised(x).columns()).for_each(|(mut to, from)| to.assign(&from));
        let labels = Labels::of(classes);
        let objective = Objective { z, ranks: labels.ranks, classes: labels.classes.len(), ridge };
        let (mut theta, slack) = objective.minimum();
        let intercepts = theta.row(d).to_owned();
        theta.remove_index(Axis(0), d);
        Ok(Self { classes: labels.classes, weights: theta, intercepts, slack, units })
    }

    /// The likeliest class of each row; of classes that are equally likely, the first.
    ///
    /// Shapes: `x: (n, d)` to `(n,)`. Errors: `Shape`; `TooFew` of no rows, `NaN` with the row, `Entry` where one is
    /// infinite.
    pub fn predict(&self, x: &ArrayRef2<F>) -> Result<Array1<usize>> {
        same_shape("x", x.shape(), &[x.nrows(), self.units.len()])?;
        finite_rows("x", x)?;
        let logits = self.units.standardised(x).dot(&self.weights) + &self.intercepts;
        let likeliest = |row: ArrayView1<'_, F>| {
            let best = (0..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
            self.classes[best]
        };
        Ok(logits.rows().into_iter().map(likeliest).collect())
    }

    /// The share of rows whose class is predicted. A class that did not occur never is.
    ///
    /// Shapes: `x: (n, d)`, `classes: (n,)`. Errors: those of [`predict`](Self::predict); `Shape` of `classes`.
    pub fn accuracy(&self, x: &ArrayRef2<F>, classes: &ArrayRef1<usize>) -> Result<F> {
        one_a_row("classes", x.nrows(), classes)?;
        let hits = self.predict(x)?.iter().zip(classes).filter(|(predicted, class)| predicted == class).count();
        Ok(F::count(hits) / F::count(classes.len()))
    }
}

/// What is minimised, in weights with the intercepts as the last row.
struct Objective<F> {
    /// Standardised rows, and a column of ones.
    z: Array2<F>,
    ranks: Vec<usize>,
    classes: usize,
    ridge: F,
}

/// A place, with what is known there.
struct Place<F> {
    theta: Array2<F>,
    value: F,
    chances: Array2<F>,
    gradient: Array2<F>,
}

impl<F: Real> Objective<F> {
    fn place(&self, theta: Array2<F>) -> Place<F> {
        let (n, last) = (F::count(self.z.nrows()), self.z.ncols() - 1);
        let mut chances = self.z.dot(&theta);
        for mut row in chances.rows_mut() {
            let logs = log_softmax(&row);
            row.assign(&logs);
        }
        let likelihood = pairwise(self.ranks.len(), |i| chances[[i, self.ranks[i]]]) / n;
        chances.mapv_inplace(F::exp);
        let mut off = chances.clone();
        for (mut row, &class) in off.rows_mut().into_iter().zip(&self.ranks) {
            // p - 1 of a row that is nearly sure, with the digits of the others.
            row[class] = F::zero();
            row[class] = -row.sum();
        }
        let gradient = self.z.t().dot(&off) / n + self.ridged(&theta);
        let squares = pairwise(last, |j| theta.row(j).iter().map(|&w| w * w).sum());
        Place { value: F::of(0.5) * self.ridge * squares - likelihood, theta, chances, gradient }
    }

    /// The ridge's part of a derivative: none of the intercepts.
    fn ridged(&self, theta: &Array2<F>) -> Array2<F> {
        let mut part = theta * self.ridge;
        part.row_mut(theta.nrows() - 1).fill(F::zero());
        part
    }

    /// The second derivative along `v`.
    fn curved(&self, at: &Place<F>, v: &Array2<F>) -> Array2<F> {
        let mut along = self.z.dot(v);
        for (mut row, chances) in along.rows_mut().into_iter().zip(at.chances.rows()) {
            let mean = row.dot(&chances);
            Zip::from(&mut row).and(&chances).for_each(|u, &p| *u = p * (*u - mean));
        }
        self.z.t().dot(&along) / F::count(self.z.nrows()) + self.ridged(v)
    }

    /// Newton's step, by conjugate gradients. What all classes share in the intercepts has no curvature, and would grow
    /// from rounding.
    fn step(&self, at: &Place<F>) -> Array2<F> {
        let mut step = Array2::zeros(at.gradient.dim());
        let mut left = centred(at.gradient.mapv(|g| -g));
        let mut direction = left.clone();
        let (start, mut square) = (squared(&left), squared(&left));
        // Near the minimum all digits are asked for, so that the last steps square the error.
        let near = (start * F::of(1e-4).min(start)).max(start * F::epsilon() * F::epsilon());
        for _ in 0..2 * at.gradient.len() {
            if square <= near {
                break;
            }
            let curved = centred(self.curved(at, &direction));
            let curvature = inner(&direction, &curved);
            if curvature <= F::zero() {
                break;
            }
            let far = square / curvature;
            step.scaled_add(far, &direction);
            left.scaled_add(-far, &curved);
            let next = squared(&left);
            direction = &left + &(direction * (next / square));
            square = next;
        }
        centred(step)
    }

    /// Where no step goes down any more, and the largest derivative there.
    fn minimum(&self) -> (Array2<F>, F) {
        let mut at = self.place(Array2::zeros((self.z.ncols(), self.classes)));
        for _ in 0..STEPS {
            let step = self.step(&at);
            let slope = inner(&step, &at.gradient);
            let halvings = (0..30).map(|k| F::of(0.5).powi(k));
            let moved = |far: F| (far, self.place(&at.theta + &step.mapv(|s| s * far)));
            let lower = halvings.map(moved).find(|(far, to)| {
                // Where values differ by rounding alone, a lesser gradient tells.
                let rounding = F::of(8.0) * F::epsilon() * at.value.abs();
                let nearer =
                    to.value <= at.value + rounding && squared(&to.gradient) < F::of(0.25) * squared(&at.gradient);
                nearer || to.value <= at.value + F::of(1e-4) * *far * slope && to.value < at.value
            });
            match lower {
                Some((_, to)) => at = to,
                None => break,
            }
        }
        let slack = at.gradient.iter().fold(F::zero(), |most, g| most.max(g.abs()));
        (at.theta, slack)
    }
}

/// Less what all classes share.
fn centred<F: Real>(mut a: Array2<F>) -> Array2<F> {
    for mut row in a.rows_mut() {
        let mean = row.sum() / F::count(row.len());
        row.mapv_inplace(|x| x - mean);
    }
    a
}

fn inner<F: Real>(a: &Array2<F>, b: &Array2<F>) -> F {
    a.iter().zip(b).map(|(&a, &b)| a * b).sum()
}

fn squared<F: Real>(a: &Array2<F>) -> F {
    inner(a, a)
}
