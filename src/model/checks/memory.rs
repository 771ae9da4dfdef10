//! Check 14: features of a benchmark in memory.

use super::layers::Opened;
use crate::model::finding::Verdict;
use crate::model::subject::Output;
use crate::study::memory::Memory;

/// Images of the largest public benchmark (SPEC: 2.6, Majaj and Hong 2015).
const N_IMAGES: usize = 3200;

/// Layers that a message names.
const NAMED: usize = 3;

/// Whether features of the largest benchmark fit into memory: units × images × 4 bytes of each layer.
pub(super) fn memory(opened: &Opened, memory: Memory) -> Verdict {
    let n_images = match opened.subject.n_parameters() {
        Some(_) => N_IMAGES,
        None => opened.subject.n_images(),
    };
    let bytes = |layer: &Output| (layer.n_units() * n_images * size_of::<f32>()) as u64;
    let mut layers: Vec<(&str, u64)> = (opened.first.layers.iter())
        .map(|layer| (layer.name.as_str(), bytes(layer)))
        .collect();
    layers.sort_by_key(|&(_, bytes)| std::cmp::Reverse(bytes));
    let named = |layers: &[(&str, u64)]| {
        let some = layers.iter().take(NAMED);
        let some: Vec<String> = some
            .map(|(name, bytes)| format!("`{name}` {}", megabytes(*bytes)))
            .collect();
        let more = if layers.len() > NAMED { ", …" } else { "" };
        format!("{}{more}", some.join(", "))
    };
    let n_large = layers.partition_point(|&(_, bytes)| bytes > memory.bytes);
    if n_large == 0 {
        let largest = named(&layers[..layers.len().min(1)]);
        return Verdict::ok(format!("{n_images} images take {largest} at most"));
    }
    Verdict::warning(
        format!(
            "{n_images} images take more than the {} there are: {}",
            megabytes(memory.bytes),
            named(&layers[..n_large])
        ),
        "these layers are read in parts, which takes longer; extract fewer units (`extract --units random:1000`), \
         or give more `--memory`",
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
