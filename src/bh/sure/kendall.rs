//! Kendall's τ-b of two lists.

/// τ-b of `groups`, small whole numbers, and `values`.
///
/// ```text
/// τ_b = (P − Q) / √((n₀ − n₁)(n₀ − n₂))
/// ```
///
/// with P concordant and Q discordant pairs, n₀ = n(n − 1)/2 pairs in all, and n₁, n₂ those that tie in
/// either list (Kendall 1945, Biometrika 33, 239–251). Values are visited in
/// ascending order and the groups seen so far counted: O(n log n) for a fixed number of groups. NaN when either list is constant or empty.
///
/// # Panics
/// If the lengths differ or a value is NaN.
pub fn tau_b(groups: &[usize], values: &[f64]) -> f64 {
    assert_eq!(
        groups.len(),
        values.len(),
        "lists to correlate must have the same length"
    );
    assert!(
        !values.iter().any(|value| value.is_nan()),
        "NaN has no rank"
    );
    let n_groups = groups.iter().max().map_or(0, |&group| group + 1);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&one, &other| values[one].total_cmp(&values[other]));
    let pairs = |n: u64| n as f64 * (n as f64 - 1.0) / 2.0;
    let mut seen = vec![0_u64; n_groups];
    let (mut difference, mut tied_values) = (0.0, 0.0);
    // `==`, so that 0 and −0 tie.
    for tied in order.chunk_by(|&one, &other| values[one] == values[other]) {
        let mut now = vec![0_u64; n_groups];
        tied.iter().for_each(|&item| now[groups[item]] += 1);
        let n_seen: u64 = seen.iter().sum();
        let mut below = 0;
        for (&seen, &now) in seen.iter().zip(&now) {
            let above = n_seen - below - seen;
            difference += now as f64 * (below as f64 - above as f64);
            below += seen;
        }
        seen.iter_mut()
            .zip(&now)
            .for_each(|(seen, now)| *seen += now);
        tied_values += pairs(tied.len() as u64);
    }
    let tied_groups: f64 = seen.iter().map(|&n| pairs(n)).sum();
    let all = pairs(values.len() as u64);
    if values.is_empty() || all <= tied_groups || all <= tied_values {
        return f64::NAN;
    }
    (difference / ((all - tied_groups).sqrt() * (all - tied_values).sqrt())).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brute(groups: &[usize], values: &[f64]) -> f64 {
        let (mut difference, mut x, mut y) = (0.0, 0.0, 0.0);
        for i in 0..groups.len() {
            for j in 0..i {
                let a = (groups[i] as f64 - groups[j] as f64).signum()
                    * f64::from(u8::from(groups[i] != groups[j]));
                let b =
                    (values[i] - values[j]).signum() * f64::from(u8::from(values[i] != values[j]));
                difference += a * b;
                x += a * a;
                y += b * b;
            }
        }
        difference / (x * y).sqrt()
    }

    proptest! {
        #[test]
        fn equals_the_definition(pairs in proptest::collection::vec((0_usize..5, -3_i8..4), 0..40)) {
            let (groups, values): (Vec<usize>, Vec<f64>) =
                pairs.into_iter().map(|(group, value)| (group, f64::from(value) / 2.0)).unzip();
            let (found, expected) = (tau_b(&groups, &values), brute(&groups, &values));
            prop_assert!(
                (found.is_nan() && expected.is_nan()) || (found - expected).abs() < 1e-12,
                "{found} {expected}"
            );
        }
    }
}
