//! Behaviour: does a model confuse the images and objects that people confuse? (SPEC 2.12, 2.14)
//!
//! | file | holds |
//! |---|---|
//! | [`span`] | standardised features in axes of their own, however many units there are |
//! | [`logistic`] | multinomial logistic regression with a quadratic penalty |
//! | [`readout`] | from features to the probability of every object; top-1 and top-5 |
//! | [`trials`] | what people chose between two objects, from a CSV file |
//! | [`choices`] | how often another object is taken for the true one: false alarms of models and people |
//! | [`dprime`] | d′ of images and of objects from false alarms |
//! | [`signature`] | i1, i1n, i2, i2n, o1, o2: d′ by image or object, against each distractor or all |
//! | [`consistency`] | correlation of a model's signature with people's, as a share of what people reach |
//! | [`object_time`] | when a model's signature reaches people's: object-solution times |
//! | [`kappa`] | error consistency: errors on the same images, beyond chance |
//! | [`accuracy_distance`] | how near two accuracies are |
//! | [`value_delta`] | how near two numbers are |
//! | [`threshold`] | how near psychometric thresholds are |
//!
//! The chain of `i2n` is `readout → choices → dprime → signature → consistency`:
//!
//! ```text
//! features ─▶ p, (n_images, n_objects) ─▶ false alarms f ─▶ d′ ─▶ i2n ─┐
//! trials   ─▶ random half              ─▶ false alarms   ─▶ d′ ─▶ i2n ─┴▶ Pearson's r ─▶ r / √ceiling
//! ```
//!
//! Objects and images are numbers from 0 into sorted lists of names ([`trials::Trials`]); dimensions are spelled
//! `n_images`, `n_objects`, `n_trials`.

pub mod accuracy_distance;
pub mod choices;
pub mod consistency;
pub mod dprime;
pub mod kappa;
pub mod logistic;
pub mod object_time;
pub mod readout;
pub mod signature;
pub mod span;
pub mod threshold;
pub mod trials;
pub mod value_delta;
