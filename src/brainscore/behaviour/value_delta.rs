//! How near two numbers are: `exp(−scale · |a − b|)`.

/// Scale of the registry.
pub const SCALE: f64 = 1.0;

/// Nearness of two numbers, within 0 and 1.
///
/// - `scale`: not negative; the larger, the less a difference is forgiven.
pub fn value_delta(model: f64, target: f64, scale: f64) -> f64 {
    (-scale * (model - target).abs()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_unit_apart() {
        assert!((value_delta(0.25, 0.75, SCALE) - 0.6065).abs() < 5e-5);
        assert_eq!(value_delta(2.0, 2.0, 3.0), 1.0);
        assert!(value_delta(f64::NAN, 1.0, 1.0).is_nan());
    }
}
