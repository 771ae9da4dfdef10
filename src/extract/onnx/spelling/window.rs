//! Convolutions and pools: what their windows are where attributes are left out, and where the padding lies.

use super::{Spelling, numbers, text};
use crate::extract::onnx::proto;
use crate::extract::onnx::write::Attribute;

/// With all that the engine needs.
///
/// - `kernel`: what the weights say of the kernel's shape.
pub(super) fn spelt(node: &proto::Node, kernel: Option<&[i64]>) -> Option<Spelling> {
    let mut added = Vec::new();
    let stated = numbers(node, "kernel_shape");
    if let (None, Some(kernel)) = (stated, kernel) {
        added.push(("kernel_shape", Attribute::Numbers(kernel.to_vec())));
    }
    let kernel = stated.or(kernel)?;
    let ones = vec![1; kernel.len()];
    let strides = numbers(node, "strides");
    if node.op.ends_with("Pool") && strides.is_none() {
        added.push(("strides", Attribute::Numbers(ones.clone())));
    }
    if text(node, "auto_pad") != b"SAME_LOWER" {
        return (!added.is_empty()).then_some(Spelling::Attributes {
            dropped: &[],
            added,
        });
    }
    // With strides the padding depends on the image, and the results of a transposed convolution have one of their own.
    if node.op == "ConvTranspose" || strides.is_some_and(|strides| strides != ones) {
        return Some(Spelling::None("pads as `SAME_LOWER` says".to_owned()));
    }
    let dilations = numbers(node, "dilations").unwrap_or(&ones);
    let total = kernel.iter().zip(dilations);
    let total = total.map(|(kernel, dilation)| kernel.saturating_sub(1).saturating_mul(*dilation));
    let (first, last): (Vec<i64>, Vec<i64>) =
        total.map(|total| (total - total / 2, total / 2)).unzip();
    added.push(("pads", Attribute::Numbers([first, last].concat())));
    Some(Spelling::Attributes {
        dropped: &["auto_pad", "pads"],
        added,
    })
}
