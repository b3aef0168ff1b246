//! Values as the pages print them.

use std::fmt::{Display, Formatter, Result};

use chrono::{DateTime, SecondsFormat, Utc};
use contracts::money::Money as Minor;
use prost_types::Timestamp;

/// U+202F, which keeps a number on one line.
const NARROW_SPACE: char = '\u{202f}';
const MILLISECONDS: u64 = 1_000;
const SECONDS: u64 = 60;

/// An amount in minor units, with two decimals and groups of three digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money(pub i64);

impl Money {
    /// Converts a price in major units, as the APIs of order and inventory have it.
    pub fn from_major(price: f64) -> Self {
        Self(Minor::from_major(price).map(Minor::minor).unwrap_or_default())
    }

    pub fn times(self, quantity: i64) -> Self {
        Self(self.0.saturating_mul(quantity))
    }
}

impl Display for Money {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let minor = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "\u{2212}" } else { "" };
        write!(out, "{sign}{}.{:02}", grouped(minor / 100), minor % 100)
    }
}

/// A whole number with groups of three digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count(pub i64);

impl Display for Count {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let sign = if self.0 < 0 { "\u{2212}" } else { "" };
        write!(out, "{sign}{}", grouped(self.0.unsigned_abs()))
    }
}

/// A length of time in milliseconds, in the two largest units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span(pub i64);

impl Display for Span {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let all = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "\u{2212}" } else { "" };
        let seconds = all / MILLISECONDS;
        match seconds {
            0 => write!(out, "{sign}{all} ms"),
            1..SECONDS => write!(out, "{sign}{seconds}.{} s", all % MILLISECONDS / 100),
            SECONDS..3_600 => write!(out, "{sign}{} min {} s", seconds / SECONDS, seconds % SECONDS),
            3_600..86_400 => write!(out, "{sign}{} h {} min", seconds / 3_600, seconds % 3_600 / SECONDS),
            _ => write!(out, "{sign}{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
        }
    }
}

/// A point in time, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub DateTime<Utc>);

impl Moment {
    pub fn from_proto(at: &Timestamp) -> Self {
        Self(DateTime::from_timestamp(at.seconds, at.nanos.try_into().unwrap_or_default()).unwrap_or_default())
    }

    /// Returns the value for the attribute `datetime`.
    pub fn iso(&self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// The time of day with milliseconds.
    pub fn clock(&self) -> String {
        self.0.format("%H:%M:%S%.3f").to_string()
    }

    pub fn date(&self) -> String {
        self.0.format("%-d %b %Y").to_string()
    }
}

impl Display for Moment {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        write!(out, "{}", self.0.format("%-d %b %Y, %H:%M:%S UTC"))
    }
}

/// The last 8 characters of a uuid, which suffice to tell orders apart by eye.
pub fn short(uuid: &str) -> &str {
    uuid.get(uuid.len().saturating_sub(8)..).unwrap_or(uuid)
}

/// Returns the query of an address with these parameters.
pub fn query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    serde_urlencoded::to_string(parameters.into_iter().collect::<Vec<_>>()).unwrap_or_default()
}

/// Writes a number with its noun, such as `1 message` or `2 messages`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(NARROW_SPACE);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Count, Money};

    #[test]
    fn money_has_two_decimals_and_grouped_digits() {
        assert_eq!(Money(123_456_705).to_string(), "1\u{202f}234\u{202f}567.05");
        assert_eq!(Money(-7).to_string(), "\u{2212}0.07");
        assert_eq!(Count(999).to_string(), "999");
    }
}
