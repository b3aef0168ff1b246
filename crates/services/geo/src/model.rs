//! Streets, the cells of the grid, and the file of streets with configured cells.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};
use toml::Spanned;

/// The maximum of the text as sent, in characters.
const MAX_LENGTH: usize = 300;

/// A street, trimmed and in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Street(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreetError {
    #[error("must not be blank")]
    Blank,
    #[error("must have at most {MAX_LENGTH} characters")]
    TooLong,
}

impl Street {
    pub fn new(text: &str) -> Result<Self, StreetError> {
        if text.chars().nth(MAX_LENGTH).is_some() {
            return Err(StreetError::TooLong);
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(StreetError::Blank);
        }
        Ok(Self(trimmed.to_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Cells per side of the grid.
const SIDE: u8 = 10;

/// A cell of the grid; each coordinate is 1 to 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    x: u8,
    y: u8,
}

impl Cell {
    /// `None` if the coordinates are off the grid.
    pub fn new(x: i64, y: i64) -> Option<Self> {
        let coordinate = |value: i64| u8::try_from(value).ok().filter(|value| (1..=SIDE).contains(value));
        Some(Self { x: coordinate(x)?, y: coordinate(y)? })
    }

    /// Derives the cell from the SHA-256 hash of the street's text: x is 1 + bytes 0 to 7 modulo 10, y is 1 + bytes 8
    /// to 15 modulo 10, both as unsigned big-endian numbers.
    pub fn of_unlisted_street(street: &Street) -> Self {
        let hash = Sha256::digest(street.as_str());
        let (x, y) = (&hash[..8], &hash[8..16]);
        Self { x: coordinate(x), y: coordinate(y) }
    }

    pub const fn x(self) -> u8 {
        self.x
    }

    pub const fn y(self) -> u8 {
        self.y
    }
}

/// 1 + a big-endian number modulo the side of the grid.
fn coordinate(bytes: &[u8]) -> u8 {
    let side = u16::from(SIDE);
    let remainder = bytes.iter().fold(0, |remainder, byte| (remainder * 256 + u16::from(*byte)) % side);
    u8::try_from(remainder + 1).unwrap_or(SIDE)
}

const MALFORMED: &str = "is not like \"Main Street\" = [2, 1]";

/// The configured cell of each street.
pub type Streets = HashMap<Street, Cell>;

/// Why the file is invalid. Names the line, not the street, since an address is personal data.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct StreetsError {
    line: usize,
    problem: String,
}

pub fn parse_streets(text: &str) -> Result<Streets, StreetsError> {
    let at = |place: usize, problem: &str| StreetsError {
        line: text.get(..place).unwrap_or(text).matches('\n').count() + 1,
        problem: problem.to_owned(),
    };
    let lines: BTreeMap<Spanned<String>, Vec<i64>> =
        toml::from_str(text).map_err(|error| at(error.span().map_or(0, |span| span.start), MALFORMED))?;
    let mut streets = Streets::new();
    for (street, cell) in lines {
        let wrong = |problem: &str| at(street.span().start, problem);
        // Deserializing into an array of fixed length would accept a longer one.
        let [x, y] = cell[..] else { return Err(wrong(MALFORMED)) };
        let cell = Cell::new(x, y).ok_or_else(|| wrong("a coordinate must be from 1 to 10"))?;
        let street = Street::new(street.get_ref()).map_err(|error| wrong(&format!("the street {error}")))?;
        if streets.insert(street, cell).is_some() {
            return Err(wrong("the street is listed twice"));
        }
    }
    Ok(streets)
}
