//! p-values of a family of tests, adjusted for their number.

/// Adjusted p by Benjamini & Hochberg (1995): with the m values sorted, `min over j ≥ i of p_j · m / j`.
///
/// - `p`: `(n_tests,)`. NaN stays NaN and does not count as a test.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&index| !p[index].is_nan()).collect();
    order.sort_by(|&one, &other| p[one].total_cmp(&p[other]));
    let mut adjusted = vec![f64::NAN; p.len()];
    let n_tests = order.len() as f64;
    let mut least = 1.0_f64;
    for (position, &index) in order.iter().enumerate().rev() {
        // The quotient first: it is 1 for the last, whose p must not fall by rounding.
        least = least.min(p[index] * (n_tests / (position + 1) as f64));
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_definition_by_hand() {
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.9]);
        let expected = [0.04, 0.16 / 3.0, 0.16 / 3.0, 0.9];
        for (found, expected) in adjusted.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{adjusted:?}");
        }
    }

    #[test]
    fn undefined_is_no_test() {
        let adjusted = benjamini_hochberg(&[f64::NAN, 0.02, 0.5]);
        assert!(adjusted[0].is_nan());
        assert_eq!(adjusted[1..], [0.04, 0.5]);
        assert!(benjamini_hochberg(&[]).is_empty());
    }
}
