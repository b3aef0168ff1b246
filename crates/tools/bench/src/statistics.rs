//! Medians, spreads, and the additive limit of a path.

/// A denominator that varies by more than this share of its median is unreliable.
pub const MAX_STEADY_SPREAD: f64 = 0.15;
/// How many last rounds decide whether a figure still varies.
const LAST_ROUNDS: usize = 3;

/// Returns the median; `None` for an empty list.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        _ => Some(sorted[middle]),
    }
}

/// Returns the difference between the largest and the smallest value, as a share of the median; `None` for an empty
/// list or a median of 0.
pub fn spread(values: &[f64]) -> Option<f64> {
    let middle = median(values).filter(|middle| *middle != 0.0)?;
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    Some((largest - smallest) / middle.abs())
}

/// Returns true if the last rounds differ by more than [`MAX_STEADY_SPREAD`]. Earlier rounds may differ, while caches
/// fill and connections open.
pub fn is_unsteady(values: &[f64]) -> bool {
    let last = &values[values.len().saturating_sub(LAST_ROUNDS)..];
    spread(last).is_none_or(|spread| spread > MAX_STEADY_SPREAD)
}

/// Returns L = 1/Σ(1/rᵢ): how often per second a sequence of steps can run if each step alone can run r₁, r₂, … times
/// per second, and combining them saves nothing. Returns 0 if a rate is 0.
pub fn additive_limit(rates: &[f64]) -> f64 {
    1.0 / rates.iter().map(|rate| 1.0 / rate).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-9
    }

    #[test]
    fn what_moved_in_the_first_rounds_and_moves_no_more_is_steady() {
        assert!(!is_unsteady(&[50.0, 100.0, 101.0, 99.0]));
        assert!(is_unsteady(&[100.0, 100.0, 100.0, 120.0]));
    }

    #[test]
    fn the_additive_limit_of_equal_steps_is_a_share_of_one_step() {
        assert!(is(additive_limit(&[100.0, 100.0]), 50.0));
        assert!(is(additive_limit(&[300.0]), 300.0));
        // The rates of Whoami, three commits, and HTTP.
        let limit = additive_limit(&[11_800.0, 15_800.0, 15_800.0, 15_800.0, 50_700.0]);
        assert!(is(limit.round(), 3_397.0), "{limit}");
        assert!(is(additive_limit(&[100.0, 0.0]), 0.0));
    }
}
