//! What training sees of an image: a random part of it, resized, perhaps mirrored.

use crate::extract::image::Pixels;
use crate::extract::image::resample::resize;
use crate::settings::preprocess::Filter;
use crate::stats::random::Random;

/// Least and largest share of the image's area that a crop has.
const AREA: (f64, f64) = (0.08, 1.0);
/// Least and largest ratio of a crop's width to its height.
const ASPECT: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
/// Draws before the centre is taken.
const N_DRAWS: usize = 10;

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// A part of random size, aspect and place, resized to a square, mirrored half of the time: torchvision's
/// `RandomResizedCrop` and `RandomHorizontalFlip`, with draws of our own.
#[must_use]
pub(super) fn random_crop(pixels: &Pixels, side: usize, random: &mut Random) -> Pixels {
    let part = draw((pixels.width, pixels.height), random);
    let corner = (part.left as isize, part.top as isize);
    let cut = pixels.window(corner, (part.width, part.height), 0);
    let resized = resize(&cut, Filter::Bilinear, side, side);
    if random.uniform() < 0.5 {
        mirrored(&resized)
    } else {
        resized
    }
}

fn draw((width, height): (usize, usize), random: &mut Random) -> Part {
    let area = (width * height) as f64;
    for _ in 0..N_DRAWS {
        let target = area * random.between(AREA.0, AREA.1);
        let aspect = random.between(ASPECT.0.ln(), ASPECT.1.ln()).exp();
        let w = (target * aspect).sqrt().round() as usize;
        let h = (target / aspect).sqrt().round() as usize;
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            return Part {
                left: random.below(width - w + 1),
                top: random.below(height - h + 1),
                width: w,
                height: h,
            };
        }
    }
    centre((width, height))
}

/// The largest part in the middle whose aspect is allowed.
fn centre((width, height): (usize, usize)) -> Part {
    let aspect = (width as f64 / height as f64).clamp(ASPECT.0, ASPECT.1);
    let w = width.min((height as f64 * aspect).round() as usize).max(1);
    let h = height.min((width as f64 / aspect).round() as usize).max(1);
    Part {
        left: (width - w) / 2,
        top: (height - h) / 2,
        width: w,
        height: h,
    }
}

fn mirrored(pixels: &Pixels) -> Pixels {
    let rows = pixels.rgb.chunks_exact(pixels.width * 3);
    let rgb = rows.flat_map(|row| row.as_chunks::<3>().0.iter().rev().flatten().copied());
    Pixels {
        width: pixels.width,
        height: pixels.height,
        rgb: rgb.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_lie_inside_and_have_the_stated_size_and_aspect() {
        let mut random = Random::stream(0, "test");
        let mut areas = Vec::new();
        for _ in 0..500 {
            let part = draw((500, 375), &mut random);
            assert!(part.left + part.width <= 500 && part.top + part.height <= 375);
            let aspect = part.width as f64 / part.height as f64;
            assert!((0.74..1.35).contains(&aspect), "{aspect}");
            areas.push((part.width * part.height) as f64 / (500.0 * 375.0));
        }
        assert!(areas.iter().all(|area| (0.079..=1.0).contains(area)));
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[test]
    fn long_images_give_their_middle() {
        let part = draw((4000, 2), &mut Random::stream(0, "test"));
        assert_eq!((part.left, part.width, part.height), (1998, 3, 2));
        assert_eq!(centre((1, 1)).width, 1);
    }

    #[test]
    fn mirrors_turn_left_and_right() {
        let pixels = Pixels {
            width: 2,
            height: 1,
            rgb: vec![1, 2, 3, 4, 5, 6],
        };
        assert_eq!(mirrored(&pixels).rgb, [4, 5, 6, 1, 2, 3]);
    }
}
