//! Behaviour: does a model confuse the images and objects that people confuse? (SPEC 2.12, 2.14)
//!
//! | file | holds |
//! |---|---|
//! | [`span`] | standardised features in axes of their own, however many units there are |
//! | [`logistic`] | multinomial logistic regression with a quadratic penalty |
//! | [`readout`] | from features to the probability of every object; top-1 and top-5 |
//! | [`labels`] | the objects that a readout learns, from a CSV file |
//! | [`fit`] | a readout of one layer, by names of images and objects |
//! | [`weights`] | a readout as weights on units, in a folder |
//! | [`probabilities`] | the probability of every object in every image, as a CSV file |
//! | [`trials`] | what people chose between two objects, from a CSV file |
//! | [`choices`] | how often another object is taken for the true one: false alarms of models and people |
//! | [`dprime`] | d′ of images and of objects from false alarms |
//! | [`signature`] | i1, i1n, i2, i2n, o1, o2: d′ by image or object, against each distractor or all |
//! | [`consistency`] | correlation of a model's signature with people's, as a share of what people reach |
//! | [`object_time`] | when a model's signature reaches people's: object-solution times |
//! | [`solution_times`] | when people's or monkeys' responses solved every image, from a CSV file |
//! | [`kappa`] | error consistency: errors on the same images, beyond chance |
//! | [`answers`] | whether people were right, one by one, from a CSV file |
//! | [`people`] | a model's probabilities against people's trials or answers, as a score |
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
pub mod answers;
pub mod choices;
pub mod consistency;
pub mod dprime;
pub mod fit;
pub mod kappa;
pub mod labels;
pub mod logistic;
pub mod object_time;
pub mod people;
pub mod probabilities;
pub mod readout;
pub mod signature;
pub mod solution_times;
pub mod span;
pub mod threshold;
pub mod trials;
pub mod value_delta;
pub mod weights;

/// False alarms of the specification's model and people, of six images of three objects (SPEC 2.12).
#[cfg(test)]
fn golden() -> [choices::FalseAlarms; 2] {
    let model = ndarray::array![
        [0.7, 0.2, 0.1],
        [0.5, 0.3, 0.2],
        [0.3, 0.6, 0.1],
        [0.1, 0.8, 0.1],
        [0.2, 0.2, 0.6],
        [0.4, 0.1, 0.5]
    ];
    let people = ndarray::array![
        [0.6, 0.3, 0.1],
        [0.7, 0.1, 0.2],
        [0.2, 0.7, 0.1],
        [0.3, 0.5, 0.2],
        [0.1, 0.3, 0.6],
        [0.2, 0.3, 0.5]
    ];
    [model, people].map(|probabilities| {
        let truth = [0, 0, 1, 1, 2, 2];
        let alarms = choices::FalseAlarms::of_probabilities(probabilities.view(), &truth);
        alarms.expect("one object per image")
    })
}
