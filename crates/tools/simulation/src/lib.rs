//! The changes that the rows of an order and of an outbox can make. The model checker applies the same functions in
//! every state that it visits, so that a recording of a run is checked against what the model proves.

mod change;
mod outbox_row;
mod rows;

use std::fmt;

pub use change::Change;
pub use outbox_row::{OutboxRow, Write};
pub use rows::Rows;

/// A step of a recording that the model cannot make.
#[derive(Debug, PartialEq, Eq)]
pub struct Impossible {
    /// The number of the step in the recording, from 1.
    pub step: usize,
    /// The states before and after the step.
    change: String,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} is impossible: {}", self.step, self.change)
    }
}

/// A state that a recording observes.
pub trait Recorded: PartialEq + fmt::Display {
    /// Returns true if one change leads from this state to `after`.
    fn can_become(&self, after: &Self) -> bool;
}

/// Checks the states of a recording, in their order. The first is the state in which the recording began: the default
/// for rows that did not exist.
pub fn check<T: Recorded>(states: &[T]) -> Result<(), Impossible> {
    let mut steps = (1..).zip(states.iter().zip(states.iter().skip(1)));
    match steps.find(|(_, (before, after))| before != after && !before.can_become(after)) {
        Some((step, (before, after))) => Err(Impossible { step, change: format!("{before} → {after}") }),
        None => Ok(()),
    }
}
