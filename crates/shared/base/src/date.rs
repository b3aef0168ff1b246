//! Dates as text, `YYYY-MM-DD`.

use chrono::NaiveDate;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a date such as 1990-12-31")]
pub struct NotADate;

/// Parses a date such as `1990-12-31`, of the years 0 to 9999. chrono alone would also accept `1990-1-1`, `-0044-03-15`
/// and `+12026-01-01`.
pub fn parse(text: &str) -> Result<NaiveDate, NotADate> {
    let shape =
        |(place, byte): (usize, u8)| if place == 4 || place == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    if text.len() != 10 || !text.bytes().enumerate().all(shape) {
        return Err(NotADate);
    }
    text.parse().map_err(|_| NotADate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_four_digits_two_and_two() {
        assert_eq!(parse("2024-02-29").ok(), NaiveDate::from_ymd_opt(2024, 2, 29));
        for wrong in
            ["", "1990-1-1", "1990-02-30", "-0044-03-15", "-262143-01-01", "+12026-01-01", " 990-01-01", "1990-01-01 "]
        {
            assert_eq!(parse(wrong), Err(NotADate), "{wrong}");
        }
    }
}
