//! The embedded typeface: how wide a text is, the outlines of its letters, and its CSS.
//!
//! Open Sans without kerning (`data/fonts/README.md`): a text is as wide as the sum of its advances,
//! here and in every viewer of the SVG.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::style::Style;

/// Faces for measuring and outlines.
const REGULAR: &[u8] = include_bytes!("../../../data/fonts/OpenSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../../data/fonts/OpenSans-Bold.ttf");

/// The same faces, compressed for SVG and HTML.
const REGULAR_WEB: &[u8] = include_bytes!("../../../data/fonts/OpenSans-Regular.woff2");
const BOLD_WEB: &[u8] = include_bytes!("../../../data/fonts/OpenSans-Bold.woff2");

/// The typeface in SVG, and what programs that ignore embedded fonts may use instead.
pub const FAMILY: &str = "Open Sans, Arial, Helvetica, sans-serif";

/// The regular and the bold face, read once.
static FACES: LazyLock<[Face<'static>; 2]> = LazyLock::new(|| {
    [REGULAR, BOLD]
        .map(|bytes| Face::parse(bytes, 0).expect("the font is part of the program and tested"))
});

fn face(bold: bool) -> &'static Face<'static> {
    &FACES[usize::from(bold)]
}

/// The glyph of a letter; the font's empty box where it has none.
fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).unwrap_or_default()
}

/// Width of a text in drawing units, rounded up.
pub fn width(text: &str, style: Style) -> i32 {
    let face = face(style.bold);
    let advance = |letter| f64::from(face.glyph_hor_advance(glyph(face, letter)).unwrap_or(0));
    let sum: f64 = text.chars().map(advance).sum();
    (sum * f64::from(style.size) / f64::from(face.units_per_em())).ceil() as i32
}

/// Width of the widest of some texts.
pub fn widest<'a>(texts: impl IntoIterator<Item = &'a str>, style: Style) -> i32 {
    texts
        .into_iter()
        .map(|text| width(text, style))
        .max()
        .unwrap_or(0)
}

/// Distance from the middle of lower-case letters down to the baseline, in drawing units: where
/// `0.5ex` in SVG puts the text.
pub fn half_x_height(style: Style) -> f32 {
    let face = face(style.bold);
    let height = f32::from(face.x_height().unwrap_or(0));
    height / 2.0 * style.size as f32 / f32::from(face.units_per_em())
}

/// Gives the outlines of all letters to `builder` for each letter's start, `(start, builder)`, in
/// drawing units from the left end of the baseline, y upward.
pub fn outlines<B: OutlineBuilder>(
    text: &str,
    style: Style,
    builder: impl Fn(f32, f32) -> B,
) -> Vec<B> {
    let face = face(style.bold);
    let scale = style.size as f32 / f32::from(face.units_per_em());
    let mut x = 0.0;
    let mut outlines = Vec::new();
    for letter in text.chars() {
        let id = glyph(face, letter);
        let mut outline = builder(x, scale);
        face.outline_glyph(id, &mut outline);
        outlines.push(outline);
        x += f32::from(face.glyph_hor_advance(id).unwrap_or(0)) * scale;
    }
    outlines
}

/// CSS that embeds both faces: no request, no installed font.
pub fn css() -> String {
    let face = |weight: u32, bytes: &[u8]| {
        let data = STANDARD.encode(bytes);
        format!(
            "@font-face{{font-family:\"Open Sans\";font-weight:{weight};\
             src:url(data:font/woff2;base64,{data}) format(\"woff2\")}}\n"
        )
    };
    face(400, REGULAR_WEB) + &face(700, BOLD_WEB)
}

#[cfg(test)]
mod tests {
    use super::super::style::{PLAIN, TITLE};
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        // Digits advance 1171 of 2048 units in the regular face.
        assert_eq!(
            width(
                "0",
                Style {
                    size: 2048,
                    ..PLAIN
                }
            ),
            1171
        );
        assert_eq!(
            width(
                "00",
                Style {
                    size: 2048,
                    ..PLAIN
                }
            ),
            2 * 1171
        );
        assert!(width("conv1", TITLE) > width("conv1", PLAIN));
        assert_eq!(width("", PLAIN), 0);
    }

    #[test]
    fn every_sign_of_the_figures_is_in_the_font() {
        for bold in [false, true] {
            let face = face(bold);
            for letter in "−…–×ρ≥≤ äéñŁ0123456789_:/".chars() {
                assert!(face.glyph_index(letter).is_some(), "{letter} bold {bold}");
            }
        }
    }

    #[test]
    fn a_letter_that_is_missing_has_the_width_of_its_box() {
        assert!(width("漢", PLAIN) > 0);
    }
}
