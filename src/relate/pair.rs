//! One column against another.

use super::Draws;
use super::join::Column;
use crate::stats::relation::{Coefficient, Interval, Sample, p_value};
use crate::stats::theil_sen::{self, Line};

/// Two columns and how they go together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Name of the column on the horizontal axis.
    pub x: String,
    /// Name of the column on the vertical axis.
    pub y: String,
    /// Names of the columns that the partial correlation takes out.
    pub controls: Vec<String>,
    /// Models with all values, `(n,)`.
    pub models: Vec<String>,
    /// Their groups, `(n,)`; `None` without group column or entry.
    pub groups: Vec<Option<String>>,
    /// Their values.
    pub sample: Sample,
    /// Models of both tables that lack a value.
    pub left_out: Vec<String>,
    /// Pearson, Spearman, and with controls partial.
    pub estimates: Vec<Estimate>,
    /// The Theil–Sen line; `None` if all x are equal.
    pub line: Option<Line>,
}

/// One coefficient of a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Which.
    pub kind: Coefficient,
    /// Its value, or why there is none.
    pub r: Result<f64, String>,
    /// Degrees of freedom of its t.
    pub freedom: usize,
    /// Two-sided p; NaN where undefined.
    pub p: f64,
    /// The same adjusted for all pairs; NaN where undefined.
    pub p_adjusted: f64,
    /// Bootstrap interval; `None` where undefined or not asked for.
    pub interval: Option<Interval>,
}

impl Pair {
    /// Relates two columns over the models that have both and all controls.
    pub fn new(
        names: &[&str],
        (x, y): (&Column, &Column),
        controls: &[Column],
        groups: Option<&[Option<String>]>,
        draws: Draws,
    ) -> Pair {
        let columns: Vec<&Column> = [x, y].into_iter().chain(controls).collect();
        let complete = |row: &usize| columns.iter().all(|column| column.values[*row].is_some());
        let (rows, lacking): (Vec<usize>, Vec<usize>) = (0..names.len()).partition(complete);
        let pick = |column: &Column| rows.iter().filter_map(|&row| column.values[row]).collect();
        let name = |&row: &usize| names[row].to_owned();
        let sample = Sample {
            x: pick(x),
            y: pick(y),
            controls: controls.iter().map(pick).collect(),
        };
        let mut kinds = vec![Coefficient::Pearson, Coefficient::Spearman];
        if !controls.is_empty() {
            kinds.push(Coefficient::Partial);
        }
        let estimates = kinds
            .into_iter()
            .map(|kind| Estimate::new(&sample, kind, draws));
        Pair {
            x: x.label.clone(),
            y: y.label.clone(),
            controls: controls.iter().map(|column| column.label.clone()).collect(),
            models: rows.iter().map(name).collect(),
            groups: (rows.iter())
                .map(|&row| groups.and_then(|groups| groups[row].clone()))
                .collect(),
            left_out: lacking.iter().map(name).collect(),
            estimates: estimates.collect(),
            line: theil_sen::line(&sample.x, &sample.y),
            sample,
        }
    }
}

impl Estimate {
    fn new(sample: &Sample, kind: Coefficient, draws: Draws) -> Estimate {
        let freedom = sample.freedom(kind);
        let r = value(sample, kind);
        let defined = r.is_ok() && draws.n_resamples > 0;
        Estimate {
            kind,
            freedom,
            p: r.as_ref().map_or(f64::NAN, |&r| p_value(r, freedom)),
            p_adjusted: f64::NAN,
            interval: defined
                .then(|| sample.interval(kind, draws.n_resamples, draws.seed))
                .flatten(),
            r,
        }
    }
}

fn value(sample: &Sample, kind: Coefficient) -> Result<f64, String> {
    let n_controls = match kind {
        Coefficient::Pearson | Coefficient::Spearman => 0,
        Coefficient::Partial => sample.controls.len(),
    };
    let (n, needed) = (sample.len(), 3 + n_controls);
    if n < needed {
        return Err(format!("{n} models have all values, {needed} are needed"));
    }
    let r = sample.coefficient(kind);
    if !r.is_nan() {
        return Ok(r);
    }
    Err(match kind {
        Coefficient::Pearson | Coefficient::Spearman => "one side is constant".to_owned(),
        Coefficient::Partial => {
            "a control is constant, or the controls explain one side or each other".to_owned()
        }
    })
}
