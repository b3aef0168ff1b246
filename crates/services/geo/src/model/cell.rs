//! A cell of the grid.

use sha2::{Digest as _, Sha256};

use super::Street;

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
