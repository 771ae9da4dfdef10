//! The four networks over abstract operations, so that training, counting and the ONNX file cannot differ.
//!
//! Sources: Kubilius et al. 2018 (bioRxiv 408385) and 2019 (NeurIPS); names of modules are those under which the
//! published weights load.

use super::{Kind, Network};

/// Areas from the retina on.
pub(super) const AREAS: [&str; 4] = ["V1", "V2", "V4", "IT"];
/// Channels of the areas.
pub(super) const WIDTHS: [usize; 4] = [64, 128, 256, 512];
/// Red, green and blue.
pub(super) const N_COLOURS: usize = 3;
/// Steps of V2, V4 and IT of S.
const STEPS_OF_S: [usize; 3] = [2, 4, 2];
/// How much wider the areas of S are inside.
const BOTTLENECK: usize = 4;

/// A convolution, padded by half its kernel on all sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conv {
    /// Output channels.
    pub filters: usize,
    /// Side of the kernel, odd.
    pub kernel: usize,
    /// Pixels between outputs.
    pub stride: usize,
    /// Whether a bias is added.
    pub has_bias: bool,
}

impl Conv {
    const fn plain(filters: usize, kernel: usize, stride: usize) -> Conv {
        Conv {
            filters,
            kernel,
            stride,
            has_bias: false,
        }
    }

    const fn biased(filters: usize, kernel: usize, stride: usize) -> Conv {
        Conv {
            has_bias: true,
            ..Conv::plain(filters, kernel, stride)
        }
    }

    /// Zeros around the input.
    pub(super) fn padding(&self) -> usize {
        self.kernel / 2
    }
}

/// Side of a map after a layer of this stride, padded by half its kernel.
pub(super) fn shrunk(side: usize, stride: usize) -> usize {
    side.div_ceil(stride)
}

/// What the networks are made of. A map is `(n_images, channels, height, width)`; names are those of modules.
pub(super) trait Ops {
    /// A batch of maps.
    type Map: Clone;

    /// Convolution with the module's weights.
    fn conv(&mut self, x: &Self::Map, name: &str, conv: Conv) -> Self::Map;
    /// Normalisation of each image within 32 groups of channels.
    fn group_norm(&mut self, x: &Self::Map, name: &str) -> Self::Map;
    /// Normalisation of each channel over the batch.
    fn batch_norm(&mut self, x: &Self::Map, name: &str) -> Self::Map;
    /// Rectification.
    fn relu(&mut self, x: &Self::Map) -> Self::Map;
    /// Largest of 3 × 3 neighbours, at every second pixel.
    fn max_pool(&mut self, x: &Self::Map) -> Self::Map;
    /// Sum of two maps.
    fn add(&mut self, a: &Self::Map, b: &Self::Map) -> Self::Map;
    /// As many zero maps as there are images, each `(channels, side, side)`.
    fn zeros(&mut self, images: &Self::Map, channels: usize, side: usize) -> Self::Map;
    /// Mean over each map, `(n_images, channels, 1, 1)`.
    fn average(&mut self, x: &Self::Map) -> Self::Map;
    /// The linear read-out, `(n_images, n_outputs)`.
    fn linear(&mut self, x: &Self::Map, name: &str, n_outputs: usize) -> Self::Map;
    /// Takes note of what a module returns at a step.
    fn tap(&mut self, x: &Self::Map, module: &str, step: usize);
}

/// From images to the decoder's output.
pub(super) fn forward<O: Ops>(ops: &mut O, network: &Network, images: &O::Map) -> O::Map {
    let seen = match network.kind {
        Kind::Z => feed_forward(ops, images),
        Kind::R | Kind::RT => recurrent(ops, network, images),
        Kind::S => skipping(ops, images),
    };
    let mean = ops.average(&seen);
    ops.tap(&mean, "decoder.avgpool", 0);
    let output = ops.linear(&mean, "decoder.linear", network.n_classes);
    ops.tap(&output, "decoder.linear", 0);
    output
}

/// Modules whose outputs the ONNX file has, in its order.
pub(super) fn tapped(kind: Kind) -> Vec<String> {
    let first: &[&str] = match kind {
        Kind::Z => &["V1.conv"],
        Kind::R | Kind::RT => &["V1.conv_input", "V1.conv1"],
        Kind::S => &["V1.conv1"],
    };
    let outputs = AREAS.iter().map(|area| format!("{area}.output"));
    let decoder = ["decoder.avgpool", "decoder.linear"].map(str::to_owned);
    let first = first.iter().map(|name| (*name).to_owned());
    first.chain(outputs).chain(decoder).collect()
}

fn feed_forward<O: Ops>(ops: &mut O, images: &O::Map) -> O::Map {
    let mut x = images.clone();
    for (area, width) in AREAS.into_iter().zip(WIDTHS) {
        let conv = if area == "V1" {
            Conv::biased(width, 7, 2)
        } else {
            Conv::biased(width, 3, 1)
        };
        let name = format!("{area}.conv");
        x = ops.conv(&x, &name, conv);
        if area == "V1" {
            ops.tap(&x, &name, 0);
        }
        x = ops.relu(&x);
        x = ops.max_pool(&x);
        ops.tap(&x, &format!("{area}.output"), 0);
    }
    x
}

/// R and RT: the same areas, unrolled in two ways. In the first step only V1 sees something; the others get zeros.
fn recurrent<O: Ops>(ops: &mut O, network: &Network, images: &O::Map) -> O::Map {
    let mut now = Vec::with_capacity(AREAS.len());
    let mut side = network.imsize;
    for (index, width) in WIDTHS.into_iter().enumerate() {
        side = shrunk(side, recurrent_input(index).stride);
        let (below, previous) = if index == 0 {
            (Some(images), None)
        } else {
            (None, Some(ops.zeros(images, width, side)))
        };
        now.push(recurrent_area(ops, (index, 0), below, previous.as_ref()));
    }
    for step in 1..network.times {
        let before = now.clone();
        for index in 0..AREAS.len() {
            let below = match (index, network.kind) {
                (0, _) => images.clone(),
                (_, Kind::RT) => before[index - 1].clone(),
                _ => now[index - 1].clone(),
            };
            now[index] = recurrent_area(ops, (index, step), Some(&below), Some(&before[index]));
        }
    }
    now.swap_remove(AREAS.len() - 1)
}

/// The convolution by which an area of R and RT sees the one below.
fn recurrent_input(index: usize) -> Conv {
    if index == 0 {
        Conv::biased(WIDTHS[index], 7, 4)
    } else {
        Conv::biased(WIDTHS[index], 3, 2)
    }
}

/// `relu(norm1(conv1(relu(norm_input(conv_input(below))) + previous)))`; what is absent is zero.
fn recurrent_area<O: Ops>(
    ops: &mut O,
    (index, step): (usize, usize),
    below: Option<&O::Map>,
    previous: Option<&O::Map>,
) -> O::Map {
    let area = AREAS[index];
    let seen = below.map(|below| {
        let name = format!("{area}.conv_input");
        let x = ops.conv(below, &name, recurrent_input(index));
        if index == 0 {
            ops.tap(&x, &name, step);
        }
        let x = ops.group_norm(&x, &format!("{area}.norm_input"));
        ops.relu(&x)
    });
    let x = match (&seen, previous) {
        (Some(seen), Some(previous)) => ops.add(previous, seen),
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => unreachable!("an area has an input or a state"),
    };
    let name = format!("{area}.conv1");
    let x = ops.conv(&x, &name, Conv::plain(WIDTHS[index], 3, 1));
    if index == 0 {
        ops.tap(&x, &name, step);
    }
    let x = ops.group_norm(&x, &format!("{area}.norm1"));
    let x = ops.relu(&x);
    ops.tap(&x, &format!("{area}.output"), step);
    x
}

fn skipping<O: Ops>(ops: &mut O, images: &O::Map) -> O::Map {
    let x = ops.conv(images, "V1.conv1", Conv::plain(WIDTHS[0], 7, 2));
    ops.tap(&x, "V1.conv1", 0);
    let x = ops.batch_norm(&x, "V1.norm1");
    let x = ops.relu(&x);
    let x = ops.max_pool(&x);
    let x = ops.conv(&x, "V1.conv2", Conv::plain(WIDTHS[0], 3, 1));
    let x = ops.batch_norm(&x, "V1.norm2");
    let mut x = ops.relu(&x);
    ops.tap(&x, "V1.output", 0);
    for (index, times) in STEPS_OF_S.into_iter().enumerate() {
        x = bottleneck(ops, (AREAS[index + 1], WIDTHS[index + 1]), times, &x);
    }
    x
}

/// An area of S: convolutions shared by its steps, norms of each step's own. Only the first step halves the map.
fn bottleneck<O: Ops>(
    ops: &mut O,
    (area, width): (&str, usize),
    times: usize,
    below: &O::Map,
) -> O::Map {
    let inside = width * BOTTLENECK;
    let name = |module: &str| format!("{area}.{module}");
    let mut x = ops.conv(below, &name("conv_input"), Conv::plain(width, 1, 1));
    for step in 0..times {
        let norm = |number: usize| format!("{area}.norm{number}_{step}");
        let stride = if step == 0 { 2 } else { 1 };
        let around = if step == 0 {
            let skip = ops.conv(&x, &name("skip"), Conv::plain(width, 1, stride));
            ops.batch_norm(&skip, &name("norm_skip"))
        } else {
            x.clone()
        };
        x = ops.conv(&x, &name("conv1"), Conv::plain(inside, 1, 1));
        x = ops.batch_norm(&x, &norm(1));
        x = ops.relu(&x);
        x = ops.conv(&x, &name("conv2"), Conv::plain(inside, 3, stride));
        x = ops.batch_norm(&x, &norm(2));
        x = ops.relu(&x);
        x = ops.conv(&x, &name("conv3"), Conv::plain(width, 1, 1));
        x = ops.batch_norm(&x, &norm(3));
        x = ops.add(&x, &around);
        x = ops.relu(&x);
        ops.tap(&x, &name("output"), step);
    }
    x
}
