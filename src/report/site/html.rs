//! Pages from templates. All text is escaped by the template engine.
//!
//! Every page carries a content security policy that allows its own style sheet, script and fonts, by their
//! SHA-256, and nothing else: even a name that got in unescaped could neither run nor ask for anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::board::Board;
use crate::PROGRAM;
use crate::report::figure::font_css;

/// Name and content of the templates.
const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("base.html")),
    ("parts.html", include_str!("parts.html")),
    ("index.html", include_str!("index.html")),
    ("model.html", include_str!("model.html")),
    ("rows.html", include_str!("rows.html")),
    ("benchmark.html", include_str!("benchmark.html")),
    ("compare.html", include_str!("compare.html")),
];

/// How pages look.
const STYLE: &str = include_str!("site.css");

/// Sorting, opening and closing.
const SCRIPT: &str = include_str!("site.js");

/// What makes pages.
pub struct Html {
    environment: Environment<'static>,
    style: String,
    fonts: String,
    policy: String,
}

impl Default for Html {
    fn default() -> Html {
        Html::new()
    }
}

impl Html {
    /// Reads the templates.
    pub fn new() -> Html {
        let mut environment = Environment::new();
        for (name, text) in TEMPLATES {
            environment
                .add_template(name, text)
                .expect("templates are part of the program and tested");
        }
        let (style, fonts) = (STYLE.to_owned(), font_css());
        let policy = format!(
            "default-src 'none'; style-src {} {}; script-src {}; font-src data:; base-uri 'none'; form-action 'none'",
            hash(&style),
            hash(&fonts),
            hash(SCRIPT)
        );
        Html {
            environment,
            style,
            fonts,
            policy,
        }
    }

    /// A page.
    ///
    /// - `up`: from the page to the first one, such as `../`.
    /// - `figures`: whether it shows figures, which need fonts.
    pub fn page(
        &self,
        (template, up): (&str, &str),
        board: &Board,
        page: &impl Serialize,
        figures: bool,
    ) -> Vec<u8> {
        let context = context! {
            page => Serde(page),
            up,
            site => &board.title,
            program => PROGRAM,
            style => &self.style,
            script => SCRIPT,
            policy => &self.policy,
            fonts => figures.then_some(&self.fonts),
        };
        let template = self.environment.get_template(template);
        let text = template.and_then(|template| template.render(context));
        text.expect("templates and what they show are part of the program and tested")
            .into_bytes()
    }
}

/// A source expression that allows exactly this text.
fn hash(text: &str) -> String {
    format!(
        "'sha256-{}'",
        STANDARD.encode(Sha256::digest(text.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_as_browsers_take_them() {
        // From the specification of content security policies.
        let expected = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='";
        assert_eq!(hash("alert('Hello, world.');"), expected);
    }

    #[test]
    fn nothing_of_the_style_and_script_asks_for_anything() {
        for text in [STYLE, SCRIPT] {
            for request in ["http:", "https:", "url(", "@import", "fetch", "src", "</"] {
                assert!(!text.contains(request), "{request}");
            }
        }
    }
}
