//! Voxel selection: for every unit the inputs with the largest absolute correlation.

use std::cmp::Ordering;

/// Chooses the `n_selected` inputs with the largest `|correlation|` for one target.
///
/// - `products`: centred cross products `x̃ⱼᵀ y` of every input with the target, `(n_inputs,)`.
/// - `inverse_norms`: `1 / ‖x̃ⱼ‖` per input, 0 for inputs that must never be chosen, `(n_inputs,)`.
/// - `candidates`: scratch space, overwritten.
/// - `selected`: receives the chosen indices in ascending order.
///
/// The target's own norm divides all correlations alike and is left out. Ties go to the lower
/// index. (The original sorts ascending with an unstable sort and reverses, so its order among
/// equal correlations depends on the processor; `docs/compared.md` B5.) One partial selection, O(n_inputs).
pub fn strongest(
    products: &[f64],
    inverse_norms: &[f64],
    n_selected: usize,
    candidates: &mut Vec<(f64, u32)>,
    selected: &mut [u32],
) {
    candidates.clear();
    candidates.extend(
        products
            .iter()
            .zip(inverse_norms)
            .enumerate()
            .filter(|(_, (_, inverse))| **inverse > 0.0)
            .map(|(index, (product, inverse))| (product.abs() * inverse, index as u32)),
    );
    assert!(
        n_selected <= candidates.len(),
        "the caller counts the usable inputs"
    );
    assert_eq!(selected.len(), n_selected);
    if n_selected == 0 {
        return;
    }
    if n_selected < candidates.len() {
        candidates.select_nth_unstable_by(n_selected - 1, stronger_first);
    }
    for (slot, (_, index)) in selected.iter_mut().zip(&candidates[..n_selected]) {
        *slot = *index;
    }
    selected.sort_unstable();
}

/// Order of preference: larger key first, then lower index; total, so that every algorithm that
/// respects it chooses the same set.
pub(super) fn stronger_first(a: &(f64, u32), b: &(f64, u32)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_full_sort(products: &[f64], inverse: &[f64], n: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..products.len() as u32)
            .filter(|&j| inverse[j as usize] > 0.0)
            .collect();
        let key = |j: u32| products[j as usize].abs() * inverse[j as usize];
        all.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(a.cmp(&b)));
        all.truncate(n);
        all.sort_unstable();
        all
    }

    proptest! {
        // Few distinct values make ties frequent.
        #[test]
        fn same_set_as_a_full_sort(
            raw in proptest::collection::vec((-4i32..5, 0u8..5), 1..60),
            fraction in 0.0f64..1.0,
        ) {
            let products: Vec<f64> = raw.iter().map(|(v, _)| f64::from(*v)).collect();
            let inverse: Vec<f64> = raw.iter().map(|(_, u)| if *u == 0 { 0.0 } else { 0.5 }).collect();
            let usable = inverse.iter().filter(|v| **v > 0.0).count();
            let n = (usable as f64 * fraction) as usize;
            let mut selected = vec![0; n];
            strongest(&products, &inverse, n, &mut Vec::new(), &mut selected);
            prop_assert_eq!(selected, by_full_sort(&products, &inverse, n));
        }
    }

    #[test]
    fn equal_correlations_go_to_the_lower_index() {
        let mut selected = [0; 2];
        strongest(
            &[1.0, -2.0, 2.0, 2.0],
            &[1.0; 4],
            2,
            &mut Vec::new(),
            &mut selected,
        );
        assert_eq!(selected, [1, 2]);
    }
}
