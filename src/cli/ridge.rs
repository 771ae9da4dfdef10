//! `ridge fit` and `ridge predict`: FastL2LiR on plain arrays.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use bhscore::Error;
use bhscore::io::atomic::Batch;
use bhscore::ridge::{self, Inputs, Model, Params, repeats};
use bhscore::study::units::UNITS_PER_BLOCK;
use clap::{Args, Subcommand, ValueEnum};
use ndarray::{Array2, ArrayD, Axis, Ix2, SliceInfo, SliceInfoElem, s};
use serde_json::{Value, json};

use super::arrays::{self, Format};
use super::{Global, Outcome, speech};

/// Options of `ridge`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore ridge fit --x X.npy --y Y.npy --alpha 100 --n-feat 500 --out model
  bhscore ridge predict --model model --x X_test.npy --out Y_predicted.npy")]
pub struct RidgeArgs {
    #[command(subcommand)]
    command: RidgeCommand,
}

#[derive(Subcommand)]
enum RidgeCommand {
    /// Fit: for every target the strongest inputs, and ridge weights on those
    Fit(FitArgs),
    /// Predict with a fitted model
    Predict(PredictArgs),
}

/// Options of `ridge fit`. Nothing is standardised, as in FastL2LiR.
#[derive(Args)]
#[command(after_help = "\
Writes W (inputs × targets…), b (1 × targets…), selected (targets × n_feat, by falling
|correlation|) and record.json. Arrays are .npy; with .mat inputs the outputs are .mat.

Examples:
  bhscore ridge fit --x X.npy --y Y.npy --alpha 100 --n-feat 500 --out model
  bhscore ridge fit --x data.mat --x-var X --y data.mat --y-var Y --out model")]
struct FitArgs {
    /// Inputs, samples × inputs
    #[arg(long, value_name = "FILE")]
    x: PathBuf,
    /// Targets, samples × targets (any number of axes)
    #[arg(long, value_name = "FILE")]
    y: PathBuf,
    /// Penalty
    #[arg(long, default_value_t = 1.0)]
    alpha: f64,
    /// Inputs per target; 0 for all
    #[arg(long, default_value_t = 0, value_name = "N")]
    n_feat: usize,
    /// Double precision throughout; else single where double proves the weights to 6e-8 of the largest
    #[arg(long)]
    f64: bool,
    /// Type of the stored numbers
    #[arg(long, value_enum, default_value_t = Dtype::F64)]
    dtype: Dtype,
    /// Folder of the model
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Variable of the inputs in a .mat file
    #[arg(long, default_value = "x", value_name = "NAME")]
    x_var: String,
    /// Variable of the targets in a .mat file
    #[arg(long, default_value = "y", value_name = "NAME")]
    y_var: String,
}

/// Options of `ridge predict`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bhscore ridge predict --model model --x X_test.npy --out Y_predicted.npy")]
struct PredictArgs {
    /// Folder of the model
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Inputs, samples × inputs
    #[arg(long, value_name = "FILE")]
    x: PathBuf,
    /// Predictions (.npy or .mat, variable `y`)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Variable of the inputs in a .mat file
    #[arg(long, default_value = "x", value_name = "NAME")]
    x_var: String,
}

/// Type of stored numbers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    F64,
    F32,
}

pub fn run(global: &Global, args: &RidgeArgs) -> Result<Outcome> {
    match &args.command {
        RidgeCommand::Fit(args) => fit(global, args),
        RidgeCommand::Predict(args) => predict(args),
    }
}

fn fit(global: &Global, args: &FitArgs) -> Result<Outcome> {
    if !(args.alpha.is_finite() && args.alpha > 0.0) {
        let problem = format!("{} is not a penalty", args.alpha);
        return Err(Error::data("`--alpha`", problem, "give a number above 0").into());
    }
    refuse_other_format(args)?;
    let (x, _) = matrix(arrays::read(&args.x, &args.x_var)?, &args.x)?;
    let (y, target_shape) = matrix(arrays::read(&args.y, &args.y_var)?, &args.y)?;
    check(&x, &y, args)?;
    let start = Instant::now();
    let params = Params {
        alpha: args.alpha,
        n_selected: args.n_feat,
        force_f64: args.f64,
    };
    let repeats = repeats::find(y.view());
    let inputs = Inputs::new(x.view(), &repeats.row_of, repeats.rows.nrows(), &params);
    let models = fit_blocks(&inputs, &repeats.rows)?;
    let seconds = start.elapsed().as_secs_f64();
    let fitted = Fitted::gather(&inputs, &repeats.rows, models);
    let record = json!({
        "program": bhscore::PROGRAM,
        "alpha": args.alpha,
        "n_feat": args.n_feat,
        "n_samples": x.nrows(),
        "n_inputs": x.ncols(),
        "n_selected": fitted.selected.ncols(),
        "target_shape": target_shape,
        "n_different_targets_rows": fitted.n_rows,
        "solver": fitted.solver,
    });
    write_model(args, &fitted, &target_shape, &record)?;
    if fitted.n_undefined > 0 {
        speech::warning(&format!(
            "{} targets hold NaN or infinite values; their weights and bias are 0",
            fitted.n_undefined
        ));
    }
    let n_selected = fitted.selected.ncols();
    if n_selected < args.n_feat.min(x.ncols()) {
        speech::warning(&format!(
            "only {n_selected} of {} inputs can be selected: the others vary by less than 1e-4; scale them",
            x.ncols()
        ));
    }
    if global.json {
        let n_targets = y.ncols();
        let line = json!({
            "seconds_fit": seconds, "n_targets": n_targets, "solver": fitted.solver,
        });
        speech::print(&line.to_string())?;
    } else if !global.quiet {
        speech::note(&format!(
            "{} targets in {seconds:.3} s: {}",
            y.ncols(),
            args.out.display()
        ));
    }
    Ok(Outcome::Complete)
}

/// Refuses a folder with a model in the other format: `predict` could not tell which is meant, and it may be another
/// program's, so that it is not ours to remove.
fn refuse_other_format(args: &FitArgs) -> Result<()> {
    let other = Format::of(&args.x)?.other().file_name("W");
    if !args.out.join(&other).exists() {
        return Ok(());
    }
    let remedy = "name another folder by `--out`, or remove that model";
    Err(Error::file(&args.out, format!("holds a model as `{other}`"), remedy).into())
}

/// `(n_samples, everything else)`, and the shape of everything else.
fn matrix(array: ArrayD<f64>, path: &Path) -> Result<(Array2<f64>, Vec<usize>)> {
    let rows = array.shape().first().copied().unwrap_or(0);
    if rows == 0 || array.is_empty() {
        let remedy = "give an array with one row per sample";
        return Err(Error::file(path, "holds no sample", remedy).into());
    }
    let columns = array.len() / rows;
    let shape = array.shape()[1..].to_vec();
    let array = array.as_standard_layout().into_owned();
    let matrix = array
        .into_shape_with_order((rows, columns))
        .context("reshaping targets")?;
    Ok((matrix, shape))
}

fn check(x: &Array2<f64>, y: &Array2<f64>, args: &FitArgs) -> Result<()> {
    if x.nrows() != y.nrows() {
        return Err(Error::data(
            format!("`{}` and `{}`", args.x.display(), args.y.display()),
            format!("have {} and {} samples", x.nrows(), y.nrows()),
            "give one row per sample in both",
        )
        .into());
    }
    finite(x, &args.x)
}

fn finite(x: &Array2<f64>, path: &Path) -> Result<()> {
    match x.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), value)) => Err(Error::file(
            path,
            format!("holds {value} at sample {row}, input {column} (counted from 0)"),
            "remove the sample or the input, every input must be finite",
        )
        .into()),
    }
}

/// A model of all targets.
struct Fitted {
    /// `(n_inputs, n_targets)`.
    weights: Array2<f64>,
    bias: Vec<f64>,
    /// `(n_targets, n_selected)`.
    selected: Array2<u32>,
    n_rows: usize,
    n_undefined: usize,
    solver: &'static str,
}

/// Models of all targets, block by block.
fn fit_blocks(inputs: &Inputs, rows: &Array2<f64>) -> Result<Vec<Model>> {
    (0..rows.ncols())
        .step_by(UNITS_PER_BLOCK)
        .map(|start| Ok(ridge::fit(inputs, rows.slice(block(start, rows.ncols())))?))
        .collect()
}

fn block(start: usize, n_targets: usize) -> SliceInfo<[SliceInfoElem; 2], Ix2, Ix2> {
    s![.., start..n_targets.min(start + UNITS_PER_BLOCK)]
}

impl Fitted {
    /// Brings the blocks together, in the shapes that are written.
    fn gather(inputs: &Inputs, rows: &Array2<f64>, models: Vec<Model>) -> Fitted {
        let n_targets = rows.ncols();
        let mut fitted = Fitted {
            weights: Array2::zeros((inputs.n_inputs(), n_targets)),
            bias: Vec::with_capacity(n_targets),
            selected: Array2::zeros((n_targets, inputs.n_selected())),
            n_rows: rows.nrows(),
            n_undefined: rows
                .columns()
                .into_iter()
                .filter(|c| !c.iter().all(|v| v.is_finite()))
                .count(),
            solver: inputs.solver(),
        };
        for (index, model) in models.into_iter().enumerate() {
            let range = block(index * UNITS_PER_BLOCK, n_targets);
            fitted
                .weights
                .slice_mut(range)
                .assign(&model.dense_weights().t());
            let ranked = ridge::by_strength(inputs, rows.slice(range), &model);
            let place = index * UNITS_PER_BLOCK..index * UNITS_PER_BLOCK + ranked.nrows();
            fitted
                .selected
                .slice_axis_mut(Axis(0), place.into())
                .assign(&ranked);
            fitted.bias.extend(model.bias);
        }
        fitted
    }
}

fn write_model(
    args: &FitArgs,
    fitted: &Fitted,
    target_shape: &[usize],
    record: &Value,
) -> Result<()> {
    let format = Format::of(&args.x)?;
    let shaped = |first: usize| -> Vec<usize> {
        std::iter::once(first)
            .chain(target_shape.iter().copied())
            .collect()
    };
    let weights = fitted.weights.iter().copied().collect();
    let weights = ArrayD::from_shape_vec(shaped(fitted.weights.nrows()), weights)?;
    let bias = ArrayD::from_shape_vec(shaped(1), fitted.bias.clone())?;
    let mut batch = Batch::new();
    for (name, array) in [("W", &weights), ("b", &bias)] {
        let path = args.out.join(format.file_name(name));
        batch.add(
            path,
            &arrays::encode(format, name, array, args.dtype == Dtype::F32)?,
        )?;
    }
    let path = args.out.join(format.file_name("selected"));
    batch.add(
        path,
        &arrays::encode_indices(format, "selected", &fitted.selected)?,
    )?;
    batch.add(
        args.out.join("record.json"),
        format!("{record:#}\n").as_bytes(),
    )?;
    Ok(batch.commit()?)
}

fn predict(args: &PredictArgs) -> Result<Outcome> {
    let (x, _) = matrix(arrays::read(&args.x, &args.x_var)?, &args.x)?;
    finite(&x, &args.x)?;
    let format = Format::in_folder(&args.model, "W")?;
    let weights = arrays::read(&args.model.join(format.file_name("W")), "W")?;
    let bias = arrays::read(&args.model.join(format.file_name("b")), "b")?;
    let (weights, target_shape) = matrix(weights, &args.model)?;
    if weights.nrows() != x.ncols() {
        return Err(Error::file(
            &args.x,
            format!(
                "has {} inputs, the model expects {}",
                x.ncols(),
                weights.nrows()
            ),
            "give the inputs that the model was fitted on",
        )
        .into());
    }
    if bias.len() != weights.ncols() {
        return Err(Error::file(
            args.model.join(format.file_name("b")),
            format!(
                "has {} values, `W` has {} targets",
                bias.len(),
                weights.ncols()
            ),
            "fit the model again with `bhscore ridge fit`",
        )
        .into());
    }
    let mut predicted = ridge::linalg::product_transpose(x.view(), weights.t());
    for mut row in predicted.rows_mut() {
        row.iter_mut()
            .zip(&bias)
            .for_each(|(value, bias)| *value += bias);
    }
    let shape: Vec<usize> = std::iter::once(x.nrows()).chain(target_shape).collect();
    let predicted = ArrayD::from_shape_vec(shape, predicted.into_raw_vec_and_offset().0)?;
    let bytes = arrays::encode(Format::of(&args.out)?, "y", &predicted, false)?;
    bhscore::io::atomic::write(&args.out, &bytes)?;
    Ok(Outcome::Complete)
}
