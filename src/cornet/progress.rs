//! What is recorded of a training: `results.csv`, a row per step and per validation, and `results.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::step::Measure;
use super::trainer::Options;
use crate::PROGRAM;
use crate::error::{Error, Result};

/// Which images a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// A batch of training, before the weights moved.
    Train,
    /// All validation images, after an epoch.
    Validation,
}

/// A row of `results.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which images it is of.
    pub part: Part,
    /// Epochs that were over, with the share of the present one.
    pub epoch: f64,
    /// Steps that were over.
    pub step: u64,
    /// Mean cross entropy in nats.
    pub loss: f64,
    /// Share of images whose class had the highest score.
    pub top1: f64,
    /// Share of images whose class was among the five highest.
    pub top5: f64,
    /// Rate of the step; of a validation, of the last one.
    pub lr: f64,
    /// Time it took, without waiting for images.
    pub seconds: f64,
}

impl Row {
    pub(super) fn new(part: Part, measure: &Measure, (epoch, step): (f64, u64)) -> Row {
        Row {
            part,
            epoch,
            step,
            loss: measure.loss,
            top1: measure.top1,
            top5: measure.top5,
            lr: 0.0,
            seconds: 0.0,
        }
    }
}

/// The rows of a training, in the order of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// Steps and validations.
    pub rows: Vec<Row>,
}

impl Log {
    /// The rows of a training that goes on, as far as its checkpoint goes; none if there is no file.
    ///
    /// # Errors
    ///
    /// If the file is there and is no table of this kind.
    pub(super) fn read(path: &Path, n_steps: u64, n_epochs: usize) -> Result<Log> {
        if !path.exists() {
            return Ok(Log::default());
        }
        let broken = |error: csv::Error| {
            let problem = format!("is not a record of a training ({error})");
            Error::file(
                path,
                problem,
                "move it away; the training goes on without it",
            )
        };
        let mut reader = csv::Reader::from_path(path).map_err(broken)?;
        let rows: Vec<Row> = (reader.deserialize().collect::<Result<_, _>>()).map_err(broken)?;
        let before = |row: &Row| match row.part {
            Part::Train => row.step < n_steps,
            Part::Validation => row.epoch <= n_epochs as f64,
        };
        Ok(Log {
            rows: rows.into_iter().filter(before).collect(),
        })
    }

    /// The rows of one part.
    pub fn of(&self, part: Part) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.part == part)
    }

    /// As `results.csv`.
    pub(super) fn csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &self.rows {
            writer
                .serialize(row)
                .expect("writing to memory cannot fail");
        }
        writer.into_inner().expect("writing to memory cannot fail")
    }

    /// As `results.json`: how it was trained and each validation.
    #[must_use]
    pub fn json(&self, options: &Options, classes: &[String], n_images: (usize, usize)) -> Value {
        let validation = self.of(Part::Validation).map(|row| {
            json!({"epoch": row.epoch, "step": row.step, "loss": row.loss, "top1": row.top1, "top5": row.top5})
        });
        json!({
            "program": PROGRAM,
            "network": options.network,
            "epochs": options.epochs,
            "batch_size": options.loading.batch_size,
            "lr": options.lr,
            "step_size": options.step_size,
            "momentum": options.sgd.momentum,
            "weight_decay": options.sgd.weight_decay,
            "seed": options.loading.seed,
            "classes": classes,
            "n_training_images": n_images.0,
            "n_validation_images": n_images.1,
            "validation": validation.collect::<Vec<_>>(),
        })
    }
}
