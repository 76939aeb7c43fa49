//! A chart a cost and parameter: variance of one draw against k.

use std::fmt::Write;

use lab::{Args, Chart, Failure};

use crate::cost::{Cost, Family, Parameter};
use crate::estimators::{ALL, Exact, KEYS, Look, Point, exact};

/// Values of k on a curve.
const CURVE: usize = 97;

const COLOURS: [(u8, u8, u8); 5] = [(0, 114, 178), (86, 180, 233), (0, 158, 115), (213, 94, 0), (204, 121, 167)];

/// The five variances over k, with what was measured of them.
#[derive(Debug, Clone)]
pub struct Figure {
    pub family: Family,
    pub parameter: Parameter,
    pub curve: Vec<(f64, [Exact; 5])>,
    pub looks: Vec<Look>,
}

impl Figure {
    /// Without measurements.
    pub fn new(family: Family, parameter: Parameter) -> Result<Self, Failure> {
        let at = |k: f64| -> Result<_, Failure> { Ok((k, exact(&Point::new(Cost::new(family, k)?, parameter)?)?)) };
        let curve = family.grid(CURVE).into_iter().map(at).collect::<Result<_, _>>()?;
        Ok(Self { family, parameter, curve, looks: Vec::new() })
    }

    /// The least k, of those on the curve, from which on the variances are in this relation.
    pub fn onset(&self, relation: impl Fn(&[Exact; 5]) -> bool) -> Option<f64> {
        let holds = self.curve.iter().rev().take_while(|(_, exact)| relation(exact));
        holds.last().map(|&(k, _)| k)
    }

    pub fn draw(&self, args: &Args) -> Result<(), Failure> {
        let (of, log) = (self.parameter.name(), self.family.shown().1);
        let title = format!("d/d {of} of E {}, x ~ N(1, 1): exact (lines), measured (dots)", self.family.formula());
        let mut chart = Chart::new(title, "k", "variance of one draw").log_y();
        if log {
            chart = chart.log_x();
        }
        for (j, (estimator, colour)) in ALL.into_iter().zip(COLOURS).enumerate() {
            chart =
                chart.line_in(colour, estimator.name(), self.curve.iter().map(|(k, exact)| (*k, exact[j].variance)));
            let dot = |look: &Look| {
                // Where there is no variance, rounding alone was measured.
                let none = look.exact[j].variance == 0.0;
                (look.point.cost.k, if none { 0.0 } else { look.measured.measured[j].variance[0] })
            };
            chart = chart.dots_in(colour, "", self.looks.iter().map(dot));
        }
        let name = format!("{}_{of}", self.family.name());
        args.write_chart(&name, &chart)
    }
}

/// All numbers behind the charts: the curves, and the measurements where there are any.
pub fn table(figures: &[Figure]) -> Result<String, Failure> {
    let mut table = String::from("cost,parameter,k,estimator,exact,measured,draws\n");
    for figure in figures {
        let (family, parameter) = (figure.family.name(), figure.parameter.name());
        let mut line = |k: f64, j: usize, exact: f64, measured: &str| {
            writeln!(table, "{family},{parameter},{k},{},{exact},{measured}", KEYS[j])
        };
        for (k, exact) in &figure.curve {
            for (j, exact) in exact.iter().enumerate() {
                line(*k, j, exact.variance, ",")?;
            }
        }
        for look in &figure.looks {
            for (j, (exact, measured)) in look.exact.iter().zip(&look.measured.measured).enumerate() {
                let measured = format!("{},{}", measured.variance[0], measured.draws);
                line(look.point.cost.k, j, exact.variance, &measured)?;
            }
        }
    }
    Ok(table)
}
