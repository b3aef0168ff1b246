//! The result of a batch of background work.

/// The result of one batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub count: u64,
    /// True when the batch was full and the next should follow at once.
    pub more: bool,
}

impl Done {
    /// Describes a batch that processed `count` of at most `limit` rows.
    pub fn of(count: u64, limit: u64) -> Self {
        Self { count, more: count >= limit }
    }
}
