//! A cell of the grid on which couriers move.

/// A cell of the 10 × 10 grid; both coordinates count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    x: u8,
    y: u8,
}

/// The largest coordinate.
const SIDE: u8 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("({x}, {y}) is not on the grid: both are 1 to 10")]
pub struct OffTheGrid {
    pub x: i64,
    pub y: i64,
}

impl Location {
    /// The number of cells.
    pub const COUNT: u8 = SIDE * SIDE;

    pub fn new(x: i64, y: i64) -> Result<Self, OffTheGrid> {
        let side = |value: i64| u8::try_from(value).ok().filter(|value| (1..=SIDE).contains(value));
        side(x).zip(side(y)).map(|(x, y)| Self { x, y }).ok_or(OffTheGrid { x, y })
    }

    /// Returns the cell with this number, counted from 0 row by row; numbers wrap around.
    pub const fn numbered(number: u8) -> Self {
        Self { x: number % SIDE + 1, y: number / SIDE % SIDE + 1 }
    }

    pub const fn x(self) -> u8 {
        self.x
    }

    pub const fn y(self) -> u8 {
        self.y
    }

    /// The Manhattan distance between the two, in steps of one cell.
    pub fn distance(self, other: Self) -> u32 {
        u32::from(self.x.abs_diff(other.x)) + u32::from(self.y.abs_diff(other.y))
    }

    /// Returns the cell reached by going at most `cells` towards `target`: along x first, the rest along y.
    #[must_use]
    pub fn towards(self, target: Self, cells: u32) -> Self {
        let (x, left) = approach(self.x, target.x, cells);
        let (y, _) = approach(self.y, target.y, left);
        Self { x, y }
    }
}

/// Goes at most `cells` from `from` to `to`. Returns the coordinate reached, and the number of cells left for the other
/// axis.
fn approach(from: u8, to: u8, cells: u32) -> (u8, u32) {
    let gone = u8::try_from(cells).unwrap_or(u8::MAX).min(from.abs_diff(to));
    let reached = if to > from { from + gone } else { from - gone };
    (reached, cells - u32::from(gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: i64, y: i64) -> Location {
        Location::new(x, y).unwrap()
    }

    #[test]
    fn the_grid_ends_at_ten() {
        for (x, y) in [(0, 1), (1, 0), (11, 1), (1, 11), (-1, 5), (i64::MAX, 5)] {
            assert_eq!(Location::new(x, y), Err(OffTheGrid { x, y }));
        }
        assert_eq!((at(1, 10).x(), at(1, 10).y()), (1, 10));
    }

    #[test]
    fn a_step_goes_along_x_first_and_the_rest_along_y() {
        assert_eq!(at(2, 2).towards(at(5, 3), 2), at(4, 2));
        assert_eq!(at(4, 2).towards(at(5, 3), 2), at(5, 3));
        assert_eq!(at(5, 5).towards(at(2, 1), 100), at(2, 1));
        assert_eq!(at(5, 5).towards(at(5, 5), 3), at(5, 5));
    }

    #[test]
    fn every_number_is_a_cell() {
        let cells: std::collections::HashSet<_> = (0..100).map(Location::numbered).collect();

        assert_eq!(cells.len(), 100);
        assert_eq!(Location::numbered(0), at(1, 1));
        assert_eq!(Location::numbered(99), at(10, 10));
    }
}
