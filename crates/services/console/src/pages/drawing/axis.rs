//! The time axis. It shows the order of the steps exactly, but not the lengths of the gaps: the width of a short gap
//! grows with the logarithm of its length, and a long gap is cut and labelled with its length.

use crate::pages::format::Span;

/// Gaps of at least this length are cut.
const CUT_MS: i64 = 2_000;
const CUT_WIDTH: i32 = 64;
/// The width of a gap of one millisecond, and the width that each doubling of the gap adds.
const GAP: i32 = 12;
const PER_DOUBLING: i32 = 3;

/// A stretch of time in which nothing happened, cut short in the drawing.
#[derive(Clone, Debug)]
pub struct Pause {
    pub x: i32,
    pub width: i32,
    pub length: Span,
}

impl Pause {
    pub fn middle(&self) -> i32 {
        self.x + self.width / 2
    }
}

/// The position on the time axis, which moves to the right as time passes.
#[derive(Debug)]
pub struct Axis {
    pub x: i32,
    at: Option<i64>,
    pub pauses: Vec<Pause>,
}

impl Axis {
    pub fn new(x: i32) -> Self {
        Self { x, at: None, pauses: Vec::new() }
    }

    /// Moves to the position of a time, or to `at_least` if that is further to the right. `taken` is the right end of
    /// the drawing so far.
    pub fn move_to(&mut self, ms: i64, at_least: i32, taken: i32) -> i32 {
        let gap = self.at.map_or(0, |before| ms - before);
        if gap >= CUT_MS {
            let x = self.x.max(taken);
            self.pauses.push(Pause { x, width: CUT_WIDTH, length: Span(gap) });
            self.x = x + CUT_WIDTH;
        } else if gap > 0 {
            let doublings = i32::try_from(gap.ilog2()).unwrap_or(i32::MAX);
            self.x += GAP + PER_DOUBLING * doublings;
        }
        self.at = Some(self.at.map_or(ms, |before| before.max(ms)));
        self.x = self.x.max(at_least);
        self.x
    }
}
