//! How pixels become a network's input, as written in `settings.json` and resolved.
//!
//! ```json
//! "caffe"
//! {"preset": "caffe", "mean": [103.939, 116.779, 123.68]}
//! {"shorter_side": 256, "resize": "bilinear"}
//! ```
//!
//! A word is a preset. In an object every field may be left out; those left out are the preset's, and the preset is
//! `pytorch` if none is named.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How pixels become a network's input: resized, then `(value / scale − mean) / sd` in each channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preprocess {
    /// Kernel of the resizing.
    pub resize: Filter,
    /// Pixels of the shorter side after resizing, before the centre crop to the input; without it, straight to the
    /// input's size, whatever the aspect, as in the original.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shorter_side: Option<usize>,
    /// Order of the channels in the input.
    pub channels: Channels,
    /// What pixel values of 0 to 255 are divided by.
    pub scale: f64,
    /// Subtracted after the division, one per channel in the order of `channels`.
    pub mean: [f64; 3],
    /// Divided by last, one per channel in the order of `channels`.
    pub sd: [f64; 3],
}

/// Kernel of the resizing; both are antialiased when they shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline, with = "String", extend("enum" = ["bicubic", "bilinear"]))]
pub enum Filter {
    /// Cubic convolution with a = −0.5, the original's.
    #[default]
    Bicubic,
    /// A triangle.
    Bilinear,
}

/// Order of the channels in a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline, with = "String", extend("enum" = ["rgb", "bgr"]))]
pub enum Channels {
    /// Red first.
    #[default]
    Rgb,
    /// Blue first, as networks from Caffe want it.
    Bgr,
}

/// A named set of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline, with = "String", extend("enum" = ["pytorch", "caffe", "tensorflow"]))]
pub enum Preset {
    /// [`Preprocess::pytorch`].
    #[default]
    Pytorch,
    /// [`Preprocess::caffe`].
    Caffe,
    /// [`Preprocess::tensorflow`].
    Tensorflow,
}

/// Preprocessing as written: a preset's name, or an object with what differs from a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PreprocessEntry {
    /// `pytorch`, `caffe` or `tensorflow`.
    Preset(Preset),
    /// What differs from a preset.
    Changes(PreprocessChanges),
}

/// What differs from a preset; everything may be left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreprocessChanges {
    /// Where values that are left out come from; `pytorch` if left out itself.
    #[serde(default)]
    pub preset: Preset,
    /// Kernel of the resizing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Filter")]
    pub resize: Option<Filter>,
    /// Resize so that the shorter side has this many pixels, then crop the centre to the network's input. Left out:
    /// straight to the input's size, whatever the aspect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize", range(min = 1))]
    pub shorter_side: Option<usize>,
    /// Order of the channels in the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Channels")]
    pub channels: Option<Channels>,
    /// What pixel values of 0 to 255 are divided by; above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", extend("exclusiveMinimum" = 0))]
    pub scale: Option<f64>,
    /// Three numbers subtracted after the division, in the order of `channels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<f64>", length(min = 3, max = 3))]
    pub mean: Option<Vec<f64>>,
    /// Three numbers above 0 to divide by last, in the order of `channels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<f64>", length(min = 3, max = 3))]
    pub sd: Option<Vec<f64>>,
}

/// A field of [`Preprocess`] and what is wrong with it.
pub type FieldProblem = (&'static str, String);

impl Preprocess {
    /// Means and standard deviations of ImageNet's training images in 0 to 1, red first: what the networks of
    /// torchvision were trained with (its documentation of pretrained models).
    const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
    /// As [`Self::IMAGENET_MEAN`].
    const IMAGENET_SD: [f64; 3] = [0.229, 0.224, 0.225];
    /// Mean pixel values of ImageNet, blue first, as Caffe's reference networks subtract them.
    const CAFFE_MEAN: [f64; 3] = [104.0, 117.0, 123.0];
    /// Largest pixel value.
    const WHITE: f64 = 255.0;

    /// RGB in 0 to 1, less the mean of ImageNet, over its standard deviation.
    #[must_use]
    pub fn pytorch() -> Self {
        Self {
            resize: Filter::Bicubic,
            shorter_side: None,
            channels: Channels::Rgb,
            scale: Self::WHITE,
            mean: Self::IMAGENET_MEAN,
            sd: Self::IMAGENET_SD,
        }
    }

    /// The same for channels in this order: mean and SD stay with their colours.
    #[must_use]
    pub fn with_channels(mut self, channels: Channels) -> Self {
        if channels != self.channels {
            self.mean.reverse();
            self.sd.reverse();
            self.channels = channels;
        }
        self
    }

    /// BGR in 0 to 255, less the mean of ImageNet.
    #[must_use]
    pub fn caffe() -> Self {
        Self {
            channels: Channels::Bgr,
            scale: 1.0,
            mean: Self::CAFFE_MEAN,
            sd: [1.0; 3],
            ..Self::pytorch()
        }
    }

    /// RGB in −1 to 1.
    #[must_use]
    pub fn tensorflow() -> Self {
        Self {
            scale: Self::WHITE / 2.0,
            mean: [1.0; 3],
            sd: [1.0; 3],
            ..Self::pytorch()
        }
    }

    /// What cannot be computed with: each field and what is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if self.shorter_side == Some(0) {
            problems.push(("shorter_side", "0 is too few; give at least 1".to_owned()));
        }
        if !divides(self.scale) {
            let text = format!("{} divides nothing; give a number above 0", self.scale);
            problems.push(("scale", text));
        }
        // Computed in single precision: what is no number there is none here.
        if let Some(mean) = self.mean.iter().find(|mean| !(**mean as f32).is_finite()) {
            problems.push(("mean", format!("{mean} is not a mean; give finite numbers")));
        }
        if let Some(sd) = self.sd.iter().find(|sd| !divides(**sd)) {
            let text = format!("{sd} is not a standard deviation; give numbers above 0");
            problems.push(("sd", text));
        }
        problems
    }
}

/// Whether single-precision numbers can be divided by it.
fn divides(divisor: f64) -> bool {
    let divisor = divisor as f32;
    divisor.is_normal() && divisor > 0.0
}

impl Default for Preprocess {
    fn default() -> Self {
        Self::pytorch()
    }
}

impl Preset {
    /// Its values.
    #[must_use]
    pub fn values(self) -> Preprocess {
        match self {
            Preset::Pytorch => Preprocess::pytorch(),
            Preset::Caffe => Preprocess::caffe(),
            Preset::Tensorflow => Preprocess::tensorflow(),
        }
    }
}

impl PreprocessEntry {
    /// The values meant. Lists of a wrong length are left out; [`Self::problems`] names them.
    #[must_use]
    pub fn resolve(&self) -> Preprocess {
        let changes = match self {
            PreprocessEntry::Preset(preset) => return preset.values(),
            PreprocessEntry::Changes(changes) => changes,
        };
        let preset = changes.preset.values();
        let channels = changes.channels.unwrap_or(preset.channels);
        let preset = preset.with_channels(channels);
        let three = |list: &Option<Vec<f64>>, preset: [f64; 3]| {
            let list = list.as_deref().and_then(|list| list.try_into().ok());
            list.unwrap_or(preset)
        };
        Preprocess {
            resize: changes.resize.unwrap_or(preset.resize),
            shorter_side: changes.shorter_side.or(preset.shorter_side),
            channels,
            scale: changes.scale.unwrap_or(preset.scale),
            mean: three(&changes.mean, preset.mean),
            sd: three(&changes.sd, preset.sd),
        }
    }

    /// What is wrong with it: each field and what.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = self.resolve().problems();
        if let PreprocessEntry::Changes(changes) = self {
            for (field, list) in [("mean", &changes.mean), ("sd", &changes.sd)] {
                if let Some(count) = list.as_ref().map(Vec::len).filter(|&count| count != 3) {
                    let text = format!("{count} numbers; give one per channel, three");
                    problems.push((field, text));
                }
            }
        }
        problems
    }
}

impl Default for PreprocessEntry {
    fn default() -> Self {
        PreprocessEntry::Preset(Preset::default())
    }
}

impl From<Preprocess> for PreprocessEntry {
    /// With every value written out.
    fn from(values: Preprocess) -> Self {
        PreprocessEntry::Changes(PreprocessChanges {
            preset: Preset::default(),
            resize: Some(values.resize),
            shorter_side: values.shorter_side,
            channels: Some(values.channels),
            scale: Some(values.scale),
            mean: Some(values.mean.to_vec()),
            sd: Some(values.sd.to_vec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn entry(value: Value) -> PreprocessEntry {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn mean_and_sd_of_a_preset_stay_with_their_colours() {
        let rgb = entry(json!({ "preset": "caffe", "channels": "rgb" })).resolve();
        let mut mean = Preprocess::CAFFE_MEAN;
        mean.reverse();
        assert_eq!((rgb.channels, rgb.mean), (Channels::Rgb, mean));
        let given = json!({ "preset": "caffe", "channels": "rgb", "mean": [1.0, 2.0, 3.0] });
        assert_eq!(entry(given).resolve().mean, [1.0, 2.0, 3.0]);
        let bgr = entry(json!({ "channels": "bgr" })).resolve();
        assert_eq!(bgr.sd, [0.225, 0.224, 0.229]);
    }

    #[test]
    fn a_word_is_a_preset() {
        for (word, values) in [
            ("pytorch", Preprocess::pytorch()),
            ("caffe", Preprocess::caffe()),
            ("tensorflow", Preprocess::tensorflow()),
        ] {
            assert_eq!(entry(json!(word)).resolve(), values);
            assert!(values.problems().is_empty());
            let written = serde_json::to_value(PreprocessEntry::from(values.clone())).unwrap();
            assert_eq!(entry(written).resolve(), values);
        }
        assert!(serde_json::from_value::<PreprocessEntry>(json!("torch")).is_err());
    }

    #[test]
    fn an_object_changes_a_preset() {
        assert_eq!(entry(json!({})).resolve(), Preprocess::pytorch());
        let changed = entry(json!({"preset": "caffe", "mean": [1, 2, 3.5], "shorter_side": 256}));
        let expected = Preprocess {
            mean: [1.0, 2.0, 3.5],
            shorter_side: Some(256),
            ..Preprocess::caffe()
        };
        assert_eq!(changed.resolve(), expected);
        assert!(changed.problems().is_empty());
        for wrong in [
            json!({"means": [1, 2, 3]}),
            json!({"resize": "box"}),
            json!(3),
        ] {
            assert!(serde_json::from_value::<PreprocessEntry>(wrong).is_err());
        }
    }

    #[test]
    fn problems_name_their_field() {
        let fields = |value: Value| -> Vec<&str> {
            let problems = entry(value).problems();
            problems.into_iter().map(|(field, _)| field).collect()
        };
        let all = json!({"shorter_side": 0, "scale": 0, "mean": [0, 1e300, 0], "sd": [1, 0, 1]});
        assert_eq!(fields(all), ["shorter_side", "scale", "mean", "sd"]);
        assert_eq!(
            fields(json!({"mean": [1, 2], "sd": [-1, 1, 1]})),
            ["sd", "mean"]
        );
        let nan = Preprocess {
            sd: [f64::NAN, 1.0, 1.0],
            ..Preprocess::pytorch()
        };
        assert_eq!(nan.problems().len(), 1);
    }

    #[test]
    fn the_schema_has_two_choices() {
        let schema = schemars::schema_for!(PreprocessEntry).to_value();
        let choices = schema["anyOf"].as_array().unwrap();
        assert_eq!(
            choices[0]["enum"],
            json!(["pytorch", "caffe", "tensorflow"])
        );
        let name = choices[1]["$ref"].as_str().unwrap().trim_start_matches('#');
        let object = schema.pointer(name).unwrap();
        assert_eq!(object["additionalProperties"], json!(false));
        assert_eq!(object["required"], Value::Null);
        assert_eq!(object["properties"]["scale"]["type"], json!("number"));
        assert_eq!(
            object["properties"]["mean"]["items"]["type"],
            json!("number")
        );
        assert_eq!(object["properties"]["mean"]["minItems"], json!(3));
        assert_eq!(
            object["properties"]["resize"]["enum"],
            json!(["bicubic", "bilinear"])
        );
    }
}
