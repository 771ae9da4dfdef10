//! Names and their numbers: places in ascending order, in which scikit-learn numbers classes.

use std::collections::BTreeMap;

/// The number of every different name.
pub fn numbered<'a>(all: impl IntoIterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut numbers: BTreeMap<&str, usize> = all.into_iter().map(|name| (name, 0)).collect();
    let slots = numbers.values_mut().enumerate();
    slots.for_each(|(number, slot)| *slot = number);
    numbers
}

/// The names by their numbers.
pub fn in_order(numbers: BTreeMap<&str, usize>) -> Vec<String> {
    numbers.into_keys().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_in_ascending_order() {
        let numbers = numbered(["dog", "ape", "dog", "cat"]);
        assert_eq!((numbers["ape"], numbers["cat"], numbers["dog"]), (0, 1, 2));
        assert_eq!(in_order(numbers), ["ape", "cat", "dog"]);
    }
}
