//! A position in a list that is newest first, which callers pass from one page to the next.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The last entry of the previous page. Cursors are ordered like their entries, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub created_at: DateTime<Utc>,
    pub uuid: Uuid,
}

/// Cuts `entries` to a page of `size`; the caller has read one entry more than a page has. Returns the last `position`
/// if there is another page.
pub fn cut<T, P>(entries: &mut Vec<T>, size: usize, position: impl FnOnce(&T) -> P) -> Option<P> {
    let more = entries.len() > size;
    entries.truncate(size);
    entries.last().filter(|_| more).map(position)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor")]
pub struct InvalidCursor;

/// The creation time in microseconds and the UUID, both in hexadecimal. The text is opaque to callers and needs no
/// escaping in a URL.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{}", self.created_at.timestamp_micros(), self.uuid.simple())
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let cursor = text.split_at_checked(16).and_then(|(micros, uuid)| {
            let micros = i64::from_str_radix(micros, 16).ok()?;
            Some(Self { created_at: DateTime::from_timestamp_micros(micros)?, uuid: Uuid::try_parse(uuid).ok()? })
        });
        // The parsers also accept forms that `Display` never writes, such as a sign.
        cursor.filter(|cursor| cursor.to_string() == text).ok_or(InvalidCursor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(micros in 0i64..4_000_000_000_000_000, uuid: u128) {
            let created_at = DateTime::from_timestamp_micros(micros).unwrap();
            let cursor = Cursor { created_at, uuid: Uuid::from_u128(uuid) };

            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn a_page_has_a_next_one_if_an_entry_is_left() {
        let cursor = |entry: &u128| Cursor { created_at: DateTime::UNIX_EPOCH, uuid: Uuid::from_u128(*entry) };

        for (read, page, next) in [(vec![3, 2, 1], vec![3, 2], Some(cursor(&2))), (vec![3, 2], vec![3, 2], None)] {
            let mut entries = read;
            assert_eq!((cut(&mut entries, 2, cursor), entries), (next, page));
        }
        assert_eq!(cut(&mut Vec::new(), 2, cursor), None);
    }

    #[test]
    fn a_cursor_in_another_form_is_refused() {
        let cursor = Cursor { created_at: DateTime::UNIX_EPOCH, uuid: Uuid::from_u128(0xabc) }.to_string();
        assert!(cursor.parse::<Cursor>().is_ok());

        for other in [cursor.replacen('0', "+", 1), cursor.replacen('0', "-", 1), cursor.to_uppercase()] {
            assert_eq!(other.parse::<Cursor>(), Err(InvalidCursor), "{other}");
        }
    }
}
