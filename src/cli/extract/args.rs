//! Options of `extract`.

use std::path::PathBuf;

use bhscore::extract::onnx::Weights;
use bhscore::settings::Units;
use clap::{Args, ValueEnum};

use crate::cli::stages::PassArgs;

/// Options of `extract`.
#[derive(Args, Default)]
#[command(after_help = "\
Images are data/images/ImageNetTraining and ImageNetTest, features go to data/features. What is
there already is not computed again.

Examples:
  bhscore -C study extract --net pytorch/alexnet --model alexnet.onnx
  bhscore -C study extract --net pytorch/resnet18 --split test --units random:1000
  bhscore extract --model cornet_s.onnx --layers IT.output-t0 --images photos --out features
  bhscore extract --net pytorch/shuffled --model alexnet.onnx --weights shuffle:1

`bhscore inspect alexnet.onnx` lists the layers that a model has.")]
pub struct ExtractArgs {
    /// Network: its folder <framework>/<network>, or its name in settings.json
    #[arg(long, value_name = "NET", required_unless_present = "out")]
    pub net: Option<String>,
    /// ONNX file [default: `extract.model` of the network's settings]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Layers: names of tensors, nodes or modules of the model, or of the settings (comma-separated)
    /// [default: those of the settings, else all outputs of the model]
    #[arg(long, alias = "layer", value_name = "NAMES", value_delimiter = ',')]
    pub layers: Vec<String>,
    /// Time step of a recurrent network's layers [default: the last]
    #[arg(long, value_name = "STEP")]
    pub time_step: Option<usize>,
    /// Only this half of the study's images
    #[arg(long, value_name = "SPLIT", conflicts_with = "images")]
    pub split: Option<SplitArg>,
    /// Images elsewhere: a folder, or a text file with a path per line; needs --out
    #[arg(long, value_name = "DIR|LIST", requires = "out")]
    pub images: Option<PathBuf>,
    /// Folder for the layers' folders; needs --images
    #[arg(long, value_name = "DIR", requires = "images")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub input: InputArgs,
    /// Visual angle that the model's input stands for, in degrees; needs --source-degrees
    #[arg(long, value_name = "DEGREES", value_parser = degrees, requires = "source_degrees")]
    pub visual_degrees: Option<f64>,
    /// Visual angle that the images covered, in degrees
    #[arg(long, value_name = "DEGREES", value_parser = degrees, requires = "visual_degrees")]
    pub source_degrees: Option<f64>,
    /// Take the absolute value (`abs`) or not (`none`) of a layer (repeatable) [default: of names in _abs]
    #[arg(long = "transform", value_name = "LAYER=abs|none")]
    pub transforms: Vec<String>,
    /// Units that are kept: all, or random:<number>, the same for all images
    #[arg(long, value_name = "UNITS")]
    pub units: Option<Units>,
    /// Seed of the choice of units
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u32>,
    #[command(flatten)]
    pub running: RunningArgs,
    #[command(flatten)]
    pub pass: PassArgs,
}

/// What pixels become.
#[derive(Args, Clone, Default)]
pub struct InputArgs {
    /// Pixels to input: pytorch, caffe, tensorflow, or a JSON file [default: settings, else pytorch]
    #[arg(long, value_name = "PRESET|FILE")]
    pub preprocess: Option<String>,
    /// Kernel of the resizing [default: that of the preprocessing]
    #[arg(long, value_name = "FILTER")]
    pub resize: Option<FilterArg>,
    /// Height and width of the input where the model leaves them free, such as 224 or 240x320
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub size: Option<(usize, usize)>,
}

/// How a network is run.
#[derive(Args, Clone, Default)]
pub struct RunningArgs {
    /// Control: shuffle:<seed> (values of each weight tensor in random order) or init:<seed> (untrained)
    #[arg(long, value_name = "CONTROL")]
    pub weights: Option<Weights>,
    /// Images per forward pass [default: 1 with rten, 16 with ort]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub batch: Option<u16>,
    /// What runs the network
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<EngineArg>,
    /// Path of libonnxruntime.so, for --engine ort
    #[arg(long, value_name = "PATH")]
    pub ort_lib: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum SplitArg {
    Training,
    Test,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum FilterArg {
    Bicubic,
    Bilinear,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum EngineArg {
    /// Built in
    Rten,
    /// ONNX Runtime, a shared library
    Ort,
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let (height, width) = text.split_once('x').unwrap_or((text, text));
    match (height.parse(), width.parse()) {
        (Ok(height), Ok(width)) if (1..=8192).contains(&height) && (1..=8192).contains(&width) => {
            Ok((height, width))
        }
        _ => Err("write a side such as 224, or height x width such as 240x320".to_owned()),
    }
}

pub fn degrees(text: &str) -> Result<f64, String> {
    let degrees = text.parse().ok();
    let degrees = degrees.filter(|degrees: &f64| *degrees > 0.0 && degrees.is_finite());
    degrees.ok_or_else(|| "give a visual angle above 0, such as 8".to_owned())
}
