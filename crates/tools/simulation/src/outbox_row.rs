//! One row of an outbox.

use std::fmt;

use crate::Recorded;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutboxRow {
    #[default]
    Absent,
    Waiting,
    Aside,
    Published,
}

/// A statement that changes rows of an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Insert,
    SetAside,
    TakeBack,
    Mark,
}

impl Write {
    const ALL: [Self; 4] = [Self::Insert, Self::SetAside, Self::TakeBack, Self::Mark];
}

impl OutboxRow {
    pub fn new(is_published: bool, is_aside: bool) -> Self {
        match (is_published, is_aside) {
            (true, _) => Self::Published,
            (false, true) => Self::Aside,
            (false, false) => Self::Waiting,
        }
    }

    /// Returns the row after the statement has changed it; `None` if a relay never makes this change in this state. A
    /// row that is set aside is published only after it has been taken back.
    pub fn after(self, write: Write) -> Option<Self> {
        match (self, write) {
            (Self::Absent, Write::Insert) | (Self::Aside, Write::TakeBack) => Some(Self::Waiting),
            (Self::Waiting, Write::SetAside) => Some(Self::Aside),
            (Self::Waiting, Write::Mark) => Some(Self::Published),
            _ => None,
        }
    }
}

impl Recorded for OutboxRow {
    fn can_become(&self, after: &Self) -> bool {
        Write::ALL.into_iter().any(|write| self.after(write) == Some(*after))
    }
}

impl fmt::Display for OutboxRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
