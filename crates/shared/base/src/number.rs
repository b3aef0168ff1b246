//! Exact numbers of JSON. `serde_json` reads a number with a fraction or an exponent, and `-0`, as a double, which
//! rounds it.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("is not a number")]
    NotANumber,
    /// More decimals than the unit has.
    #[error("has too many decimals")]
    Decimals,
    /// Does not fit into an `i64`.
    #[error("is too large")]
    TooLarge,
}

/// The number of digits of `i64::MAX`.
const MAX_DIGITS: i64 = 19;

/// Reads a number as JSON writes it, in units of 10<sup>-`decimals`</sup>, without rounding. With two decimals, `65.5`
/// and `6.55e1` are 6550; with none, `100`, `100.0` and `1e2` are 100.
pub fn scaled(text: &str, decimals: u32) -> Result<i64, NumberError> {
    let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || !is_number(exponent.trim_start_matches(['+', '-'])) {
        return Err(NumberError::NotANumber);
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    // No number of digits could compensate for an exponent that does not fit.
    let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i32::MIN } else { i32::MAX });
    let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX >> 1);
    let shift = i64::from(exponent) + i64::from(decimals) + length(zeros) - length(fraction.len());
    if shift < 0 {
        return Err(NumberError::Decimals);
    }
    if length(significant.len()) + shift > MAX_DIGITS {
        return Err(NumberError::TooLarge);
    }
    let padding = "0".repeat(usize::try_from(shift).unwrap_or_default());
    let magnitude: i128 = format!("{significant}{padding}").parse().map_err(|_| NumberError::TooLarge)?;
    i64::try_from(sign * magnitude).map_err(|_| NumberError::TooLarge)
}

/// Deserializes a whole number in any notation. For `deserialize_with`.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    whole(<&RawValue>::deserialize(deserializer)?)
}

/// Deserializes a whole number, or null as 0. For `deserialize_with`.
pub fn integer_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Option::<&RawValue>::deserialize(deserializer)?.map_or(Ok(0), whole)
}

fn whole<E: serde::de::Error>(literal: &RawValue) -> Result<i64, E> {
    // The usual form costs no allocation.
    let number = literal.get().parse().ok().or_else(|| scaled(literal.get(), 0).ok());
    number.ok_or_else(|| E::custom("is not a whole number"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_read_exactly_or_refused() {
        for (text, decimals, number) in [
            ("0", 0, Ok(0)),
            ("-0.00e5", 0, Ok(0)),
            ("0e99999999999999999999", 0, Ok(0)),
            ("65.5", 2, Ok(6550)),
            ("6.55e1", 2, Ok(6550)),
            ("655000E-4", 2, Ok(6550)),
            ("65.5000000000000000000000000", 2, Ok(6550)),
            ("-1e2", 0, Ok(-100)),
            ("9007199254740991.0", 0, Ok(9_007_199_254_740_991)),
            ("9223372036854775807", 0, Ok(i64::MAX)),
            ("-9223372036854775808", 0, Ok(i64::MIN)),
            ("9223372036854775808", 0, Err(NumberError::TooLarge)),
            ("1e19", 0, Err(NumberError::TooLarge)),
            ("1e99999999999999999999", 0, Err(NumberError::TooLarge)),
            ("1e-99999999999999999999", 2, Err(NumberError::Decimals)),
            ("0.001", 2, Err(NumberError::Decimals)),
            ("1.0000000000000000000001", 0, Err(NumberError::Decimals)),
            ("", 0, Err(NumberError::NotANumber)),
            ("-", 0, Err(NumberError::NotANumber)),
            ("1.", 0, Err(NumberError::NotANumber)),
            (".5", 1, Err(NumberError::NotANumber)),
            ("1e", 0, Err(NumberError::NotANumber)),
            ("\"1\"", 0, Err(NumberError::NotANumber)),
            ("NaN", 0, Err(NumberError::NotANumber)),
        ] {
            assert_eq!(scaled(text, decimals), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_in_every_form(number: i64, zeros in 0_usize..30) {
            let zeros = "0".repeat(zeros);

            prop_assert_eq!(scaled(&format!("{number}"), 0), Ok(number));
            prop_assert_eq!(scaled(&format!("{number}.0{zeros}"), 0), Ok(number));
            prop_assert_eq!(scaled(&format!("{number}{zeros}e-{}", zeros.len()), 0), Ok(number));
        }
    }
}
