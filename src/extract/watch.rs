//! What looks wrong in features: constant layers, numbers that are none, layers of few units.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use ndarray::ArrayD;

use super::target::Target;

/// Fewer units than this carry little information about a layer (Brain-Score's rule for models).
const FEW_UNITS: usize = 25;

/// What was seen of each layer, by all workers.
pub struct Watch {
    layers: Vec<Seen>,
    /// Remark on images to the first image and how many there were.
    remarks: Mutex<BTreeMap<String, (String, usize)>>,
}

#[derive(Default)]
struct Seen {
    n_images: AtomicUsize,
    first: OnceLock<ArrayD<f32>>,
    varies: AtomicBool,
    /// Images with values that are NaN or infinite.
    n_not_finite: AtomicUsize,
    first_not_finite: OnceLock<String>,
}

impl Watch {
    /// Nothing seen yet of so many layers.
    pub fn new(n_layers: usize) -> Watch {
        Watch {
            layers: (0..n_layers).map(|_| Seen::default()).collect(),
            remarks: Mutex::default(),
        }
    }

    /// Takes a look at an image's values of a layer.
    pub fn see(&self, layer: usize, image: &str, values: &ArrayD<f32>) {
        let seen = &self.layers[layer];
        seen.n_images.fetch_add(1, Ordering::Relaxed);
        if !seen.varies.load(Ordering::Relaxed)
            && seen.first.get_or_init(|| values.clone()) != values
        {
            seen.varies.store(true, Ordering::Relaxed);
        }
        if values.iter().any(|value| !value.is_finite()) {
            seen.n_not_finite.fetch_add(1, Ordering::Relaxed);
            seen.first_not_finite.get_or_init(|| image.to_owned());
        }
    }

    /// Notes something about an image.
    pub fn remark(&self, image: &str, remark: &str) {
        if let Ok(mut remarks) = self.remarks.lock() {
            let entry = remarks.entry(remark.to_owned());
            entry.or_insert_with(|| (image.to_owned(), 0)).1 += 1;
        }
    }

    /// A line for everything that the user should know.
    pub fn warnings(&self, targets: &[Target]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut few = Vec::new();
        for (seen, target) in self.layers.iter().zip(targets) {
            let name = &target.layer.name;
            let n_images = seen.n_images.load(Ordering::Relaxed);
            if n_images > 1 && !seen.varies.load(Ordering::Relaxed) {
                lines.push(format!(
                    "layer `{name}` is the same for all {n_images} images: nothing can be decoded (recurrent \
                     networks have such layers at their first time step)"
                ));
            }
            if let Some(image) = seen.first_not_finite.get() {
                let n = seen.n_not_finite.load(Ordering::Relaxed);
                lines.push(format!(
                    "layer `{name}` has values that are NaN or infinite for {n} of {n_images} images, first \
                     `{image}`: check preprocessing and weights"
                ));
            }
            let n_units = target.kept.as_ref().map(super::units::Kept::n_units);
            if n_units.is_some_and(|n| n_images > 0 && n < FEW_UNITS) {
                few.push(format!("`{name}`"));
            }
        }
        match few.as_slice() {
            [] => {}
            [one] => lines.push(format!("layer {one} has fewer than {FEW_UNITS} units")),
            several => lines.push(format!(
                "{} layers have fewer than {FEW_UNITS} units: {}",
                several.len(),
                several.join(", ")
            )),
        }
        let remarks = self.remarks.lock().map(|remarks| remarks.clone());
        for (remark, (image, n)) in remarks.unwrap_or_default() {
            let others = match n - 1 {
                0 => String::new(),
                1 => " and 1 other image".to_owned(),
                n => format!(" and {n} other images"),
            };
            lines.push(format!("image `{image}`{others}: {remark}"));
        }
        lines
    }
}
