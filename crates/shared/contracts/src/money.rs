//! Money. Services calculate in whole minor units (cents); only the contracts of the APIs use decimal numbers of major
//! units.

use std::fmt;

/// An amount in minor units from 0 to [`MAX`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct Money(i64);

/// The largest amount, in minor units. Every decimal number of up to 15 digits survives the conversion to `f64` and
/// back.
pub const MAX: i64 = 999_999_999_999_999;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of money between 0 and 9999999999999.99")]
pub struct MoneyError;

impl Money {
    pub const ZERO: Self = Self(0);

    pub const fn from_minor(minor: i64) -> Result<Self, MoneyError> {
        if 0 <= minor && minor <= MAX { Ok(Self(minor)) } else { Err(MoneyError) }
    }

    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Converts from major units. Fails unless `major` is the double closest to an amount, so a number with more
    /// decimals is refused instead of rounded.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    pub fn from_major(major: f64) -> Result<Self, MoneyError> {
        let minor = (major * 100.0).round();
        if !(0.0..=1.0e15).contains(&minor) {
            return Err(MoneyError);
        }
        // Adding 0.0 turns -0 into 0, because their bits differ.
        let same = |money: &Self| money.to_major().to_bits() == (major + 0.0).to_bits();
        Self::from_minor(minor as i64).ok().filter(same).ok_or(MoneyError)
    }

    /// Converts to major units, with at most two decimals.
    #[expect(clippy::cast_precision_loss, reason = "exact up to MAX")]
    pub fn to_major(self) -> f64 {
        self.0 as f64 / 100.0
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).ok_or(MoneyError).and_then(Self::from_minor)
    }

    pub fn checked_mul(self, times: i64) -> Result<Self, MoneyError> {
        self.0.checked_mul(times).ok_or(MoneyError).and_then(Self::from_minor)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_amount_survives_the_edge(minor in 0..=MAX) {
            let money = Money::from_minor(minor).unwrap();

            prop_assert_eq!(Money::from_major(money.to_major()), Ok(money));
        }

        #[test]
        fn an_amount_prints_as_its_json_number_with_two_decimals_at_most(minor in 0..=MAX) {
            let json = serde_json::to_string(&Money::from_minor(minor).unwrap().to_major()).unwrap();

            let decimals = json.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            prop_assert!(decimals <= 2, "{}", json);
        }

        #[test]
        fn sums_and_products_are_exact_or_refused(a in 0..=MAX, b in 0..=MAX, times in 0i64..1_000_000) {
            let (x, y) = (Money::from_minor(a).unwrap(), Money::from_minor(b).unwrap());

            prop_assert_eq!(x.checked_add(y).ok().map(Money::minor), Some(a + b).filter(|sum| *sum <= MAX));
            prop_assert_eq!(
                x.checked_mul(times).ok().map(|money| i128::from(money.minor())),
                Some(i128::from(a) * i128::from(times)).filter(|product| *product <= i128::from(MAX))
            );
        }
    }

    #[test]
    fn what_is_not_money_is_refused() {
        for wrong in [-0.01, 1.001, 5_000_000.001, 999_999_999.999, f64::NAN, f64::INFINITY, 1e18] {
            assert_eq!(Money::from_major(wrong), Err(MoneyError), "{wrong}");
        }
    }
}
