//! The personal data of a customer.

use std::fmt;

use chrono::{Datelike as _, NaiveDate};
use contracts::text::{TextError, check};
use platform::date::{self, NotADate};
use serde::{Deserialize, Serialize};

use super::Name;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Profile {
    pub name: Name,
    pub address: Address,
    pub birth_date: BirthDate,
}

/// A customer's address; each part may be empty.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    pub street: String,
    pub city: String,
    pub state: String,
    pub zip: String,
}

impl Address {
    /// Checks the length and characters of each part. An error names the invalid part.
    pub fn new(street: String, city: String, state: String, zip: String) -> Result<Self, (&'static str, TextError)> {
        for (part, text, max_length) in
            [("street", &street, 300), ("city", &city, 100), ("state", &state, 100), ("zip", &zip, 16)]
        {
            check(text, max_length).map_err(|error| (part, error))?;
        }
        Ok(Self { street, city, state, zip })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BirthDate(NaiveDate);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BirthDateError {
    #[error(transparent)]
    NotADate(#[from] NotADate),
    #[error("must not be before 1900")]
    TooLongAgo,
    #[error("must not be in the future")]
    Future,
}

const FORMAT: &str = "%Y-%m-%d";
/// People who were born earlier are no longer alive.
const MIN_BIRTH_YEAR: i32 = 1900;

impl BirthDate {
    /// Parses `YYYY-MM-DD`, from 1900 to `today`.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Self, BirthDateError> {
        let born = date::parse(text)?;
        match born {
            _ if born.year() < MIN_BIRTH_YEAR => Err(BirthDateError::TooLongAgo),
            _ if born > today => Err(BirthDateError::Future),
            _ => Ok(Self(born)),
        }
    }

    /// In full years.
    pub fn age(self, today: NaiveDate) -> u32 {
        today.years_since(self.0).unwrap_or_default()
    }
}

impl fmt::Display for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format(FORMAT).fmt(f)
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_birth_date_is_a_date_that_has_been() {
        let today = day("2026-01-02");

        for wrong in ["", "1990-1-1", "01.02.1990", "1990-02-30", "1990-01-01T00:00:00Z", "+1990-01-01", " 1990-01-01"]
        {
            assert_eq!(BirthDate::parse(wrong, today), Err(NotADate.into()), "{wrong}");
        }
        for long_ago in ["-0044-03-15", "-262143-01-01", "0000-01-01", "0044-03-15", "1899-12-31"] {
            assert!(BirthDate::parse(long_ago, today).is_err(), "{long_ago}");
        }
        assert!(BirthDate::parse("1900-01-01", today).is_ok());
        assert_eq!(BirthDate::parse("+12026-01-01", today), Err(NotADate.into()));
        assert_eq!(BirthDate::parse("2026-01-03", today), Err(BirthDateError::Future));
        assert_eq!(BirthDate::parse("2026-01-02", today).unwrap().age(today), 0);
    }

    #[test]
    fn an_age_is_counted_in_full_years() {
        let born = BirthDate::parse("2008-02-29", day("2026-01-01")).unwrap();

        assert_eq!(born.age(day("2026-02-28")), 17);
        assert_eq!(born.age(day("2026-03-01")), 18);
    }

    #[test]
    fn the_part_of_an_address_that_is_refused_is_named() {
        let address = |city: &str, zip: &str| {
            Address::new("Main Street".to_owned(), city.to_owned(), String::new(), zip.to_owned())
        };

        assert!(address("", &"9".repeat(16)).is_ok());
        assert_eq!(address("", &"9".repeat(17)), Err(("zip", TextError::TooLong(16))));
        assert_eq!(address("\n", ""), Err(("city", TextError::Control)));
    }
}
