//! Check 6: what a model says about three images, close up.

use ndarray::{ArrayViewD, Axis};

use super::layers::Opened;
use crate::error::Result;
use crate::model::finding::Verdict;
use crate::model::images::N_CLOSE;
use crate::model::subject::{Activations, Output};

/// Largest difference between batches of another size, as a share of a layer's largest activation.
///
/// Kernels are chosen by the size of a batch and sum in another order, which engines and processors do with a
/// difference of 1e-5 (`extract::engine`); ten times that leaves room for deep networks. A layer that mixes images,
/// such as a normalisation that was left in training, is off by 1e-2 and more.
const TOLERANCE: f32 = 1e-4;

/// Whether activations are finite, the same in batches of any size and on repeat, and differ between images.
pub(super) fn activations(opened: &Opened) -> Verdict {
    match look(opened) {
        Ok(verdict) => verdict,
        Err(error) => error.into(),
    }
}

fn look(opened: &Opened) -> Result<Verdict> {
    let first = &opened.first;
    let n_images = first.images.len();
    if n_images < 2 {
        return Ok(Verdict::skipped(format!(
            "{n_images} image tells nothing about differences"
        )));
    }
    let again = opened.subject.together(n_images)?;
    let alone = opened.subject.one_by_one(n_images)?;
    let mut problems = Vec::new();
    for (at, output) in first.outputs().enumerate() {
        let of = |other: &Activations| other.outputs().nth(at).cloned();
        let (again, alone) = (of(&again), alone.as_ref().and_then(of));
        problems.extend(problem(output, again.as_ref(), alone.as_ref()));
    }
    if again.images != first.images {
        problems.push("images have other names on repeat".to_owned());
    }
    let close = match n_images < N_CLOSE {
        true => format!("{n_images} images"),
        false => format!("{N_CLOSE} images, one of them grey,"),
    };
    let seen = match alone {
        Some(_) => {
            format!("{close} give finite activations that repeat, in batches of 1 and {n_images}")
        }
        None => format!("{n_images} images have finite features that differ; nothing is computed"),
    };
    let remedy = "export the network for inference (`model.eval()`), and leave out layers that do not depend on images";
    Ok(Verdict::of_problems(&problems, remedy, Verdict::ok(seen)))
}

/// The first thing that is wrong with an output: what follows from it is not another one.
fn problem(output: &Output, again: Option<&Output>, alone: Option<&Output>) -> Option<String> {
    let name = &output.name;
    let n_other = output
        .values
        .iter()
        .filter(|value| !value.is_finite())
        .count();
    if n_other > 0 {
        return Some(format!(
            "layer `{name}` has {n_other} values that are not finite"
        ));
    }
    if again.is_some_and(|again| again.values != output.values) {
        return Some(format!("layer `{name}` is not the same on repeat"));
    }
    let scale = output
        .values
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    let is_close = |a: ArrayViewD<f32>, b: ArrayViewD<f32>| {
        a.shape() == b.shape()
            && a.iter()
                .zip(b)
                .all(|(a, b)| (a - b).abs() <= TOLERANCE * scale)
    };
    let row = |of: &'_ Output, image: usize| of.values.index_axis(Axis(0), image).to_owned();
    let n_images = output.values.shape()[0];
    if let Some(alone) = alone {
        let same = |a: usize, b: usize| is_close(row(output, a).view(), row(alone, b).view());
        let moved: Vec<usize> = (0..n_images).filter(|&image| !same(image, image)).collect();
        let is_elsewhere = |&image: &usize| (0..n_images).any(|other| same(image, other));
        if !moved.is_empty() && moved.iter().all(is_elsewhere) {
            return Some(format!("layer `{name}` gives the images in another order"));
        }
        if !moved.is_empty() {
            return Some(format!(
                "layer `{name}` depends on the other images: alone and in a batch of {n_images} it differs by more \
                 than {TOLERANCE:e} of its largest activation"
            ));
        }
    }
    let is_constant = (1..n_images).all(|image| row(output, image) == row(output, 0));
    is_constant.then(|| format!("layer `{name}` is the same for all images"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Status;
    use crate::model::subject::Subject;
    use ndarray::{Array2, array};

    /// Something that gives these values: at first, on repeat, one by one.
    struct Fake([Array2<f32>; 3]);

    fn of(values: &Array2<f32>) -> Activations {
        Activations {
            images: (0..values.nrows()).map(|image| image.to_string()).collect(),
            layers: vec![Output {
                name: "conv".to_owned(),
                values: values.clone().into_dyn(),
            }],
            readout: None,
            logits: None,
        }
    }

    impl Subject for Fake {
        fn n_images(&self) -> usize {
            self.0[0].nrows()
        }

        fn together(&self, _: usize) -> Result<Activations> {
            Ok(of(&self.0[1]))
        }

        fn one_by_one(&self, _: usize) -> Result<Option<Activations>> {
            Ok(Some(of(&self.0[2])))
        }

        fn unknown(&self) -> [Option<&str>; 2] {
            [None; 2]
        }

        fn n_parameters(&self) -> Option<u64> {
            None
        }
    }

    fn verdict(first: &Array2<f32>, again: &Array2<f32>, alone: &Array2<f32>) -> Verdict {
        let subject = Fake([first, again, alone].map(Clone::clone));
        activations(&Opened {
            first: of(first),
            subject: Box::new(subject),
        })
    }

    #[test]
    fn each_defect_has_its_words() {
        let good = array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 100.0]];
        assert_eq!(verdict(&good, &good, &good).status, Status::Ok);
        let near = &good + 0.009;
        assert_eq!(verdict(&good, &good, &near).status, Status::Ok);
        let far = &good + 0.011;
        let turned = array![[3.0, 4.0], [1.0, 2.0], [5.0, 100.0]];
        let constant = array![[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]];
        let mut broken = good.clone();
        broken[[1, 1]] = f32::INFINITY;
        for (first, again, alone, told) in [
            (&good, &good, &far, "depends on the other images"),
            (&good, &near, &good, "is not the same on repeat"),
            (&good, &good, &turned, "in another order"),
            (
                &constant,
                &constant,
                &constant,
                "is the same for all images",
            ),
            (
                &broken,
                &broken,
                &broken,
                "has 1 values that are not finite",
            ),
        ] {
            let verdict = verdict(first, again, alone);
            assert_eq!(verdict.status, Status::Failed, "{told}");
            assert!(verdict.message.contains(told), "{}", verdict.message);
        }
    }
}
