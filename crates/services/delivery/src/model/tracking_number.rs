//! The tracking number of a delivery.

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
