//! Convolutions and pools: what their windows are where attributes are left out, and where the padding lies.

use super::{Spelling, numbers, text};
use crate::extract::onnx::proto;
use crate::extract::onnx::write::Attribute;

/// With all that the engine needs.
///
/// - `kernel`: what the weights say of the kernel's shape.
pub(super) fn spelt(node: &proto::Node, kernel: Option<&[i64]>) -> Spelling {
    let stated = numbers(node, "kernel_shape");
    let strides = numbers(node, "strides");
    let mut added = Vec::new();
    if let (None, Some(kernel)) = (stated, kernel) {
        added.push(("kernel_shape", Attribute::Numbers(kernel.to_vec())));
    }
    let kernel = stated.or(kernel);
    let ones = vec![1; kernel.map_or(0, <[i64]>::len)];
    if node.op.ends_with("Pool") && strides.is_none() {
        added.push(("strides", Attribute::Numbers(ones.clone())));
    }
    let dropped: &[&str] = match (text(node, "auto_pad"), kernel) {
        // With strides the padding depends on the image, and a transposed convolution has a way of its own.
        (b"SAME_LOWER", Some(kernel))
            if node.op != "ConvTranspose" && strides.is_none_or(|strides| strides == ones) =>
        {
            let dilations = numbers(node, "dilations").unwrap_or(&ones);
            let pads = Attribute::Numbers(odd_pixel_first(kernel, dilations));
            added.push(("pads", pads));
            &["auto_pad", "pads"]
        }
        (b"SAME_LOWER", _) => return Spelling::Refused("pads as `SAME_LOWER` says"),
        (b"VALID", _) if numbers(node, "pads").is_some() => &["auto_pad", "pads"],
        _ => &[],
    };
    match added.is_empty() && dropped.is_empty() {
        true => Spelling::Same,
        false => Spelling::Attributes { dropped, added },
    }
}

/// Pads of a window that moves by single pixels, so that results are as large as the image.
fn odd_pixel_first(kernel: &[i64], dilations: &[i64]) -> Vec<i64> {
    let total = kernel.iter().zip(dilations);
    let total = total.map(|(kernel, dilation)| kernel.saturating_sub(1).saturating_mul(*dilation));
    let (first, last): (Vec<i64>, Vec<i64>) =
        total.map(|total| (total - total / 2, total / 2)).unzip();
    [first, last].concat()
}
