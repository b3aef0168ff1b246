//! Values that requests and rows contain: names, streets, volumes and tracking numbers.

use std::fmt;

use contracts::text::{TextError, check_filled};

/// A name that is not blank, of at most 100 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Checks the text and keeps it unchanged.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        check_filled(&text, 100)?;
        Ok(Self(text))
    }

    /// Skips the check.
    pub(super) fn constant(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A street or address as text, 1 to 300 characters and not blank. Personal data: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Street(String);

impl Street {
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        check_filled(&text, 300)?;
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Street {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Street(…)")
    }
}

/// A volume, 1 to 10 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume(u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be from 1 to 10000")]
pub struct VolumeError;

impl Volume {
    pub const LARGEST: Self = Self(10_000);

    pub fn new(volume: i64) -> Result<Self, VolumeError> {
        let volume = u16::try_from(volume).ok().filter(|volume| (1..=Self::LARGEST.0).contains(volume));
        volume.map(Self).ok_or(VolumeError)
    }

    /// Skips the check.
    pub(super) const fn constant(volume: u16) -> Self {
        Self(volume)
    }

    pub const fn get(self) -> i32 {
        self.0 as i32
    }
}

/// 12 characters of A–Z and 0–9.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrackingNumber(String);

const DIGITS: [char; 36] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W',
    'X', 'Y', 'Z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
];
const LENGTH: usize = 12;

impl TrackingNumber {
    /// Uses 62 of the random bits, so that two deliveries practically never have the same number.
    pub fn from_random(bits: u128) -> Self {
        let base = DIGITS.len() as u128;
        let digits = std::iter::successors(Some(bits), |left| Some(left / base)).take(LENGTH);
        Self(digits.map(|left| DIGITS[usize::try_from(left % base).unwrap_or_default()]).collect())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.chars().count() == LENGTH && text.chars().all(|digit| DIGITS.contains(&digit));
        valid.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracking_number_is_twelve_capitals_and_digits() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let number = TrackingNumber::from_random(bits);

            assert_eq!(TrackingNumber::parse(number.as_str()), Some(number));
        }
        assert_eq!(TrackingNumber::parse("short"), None);
        assert_eq!(TrackingNumber::parse("abcdefghijkl"), None);
    }
}
