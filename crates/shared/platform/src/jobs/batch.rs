//! The result of a batch of background work.

#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub count: u64,
    /// True if the batch was full, so that the caller starts the next one at once.
    pub more: bool,
}

impl Done {
    /// Creates the result of a batch that processed `count` of at most `limit` rows.
    pub fn from_count(count: u64, limit: u64) -> Self {
        Self { count, more: count >= limit }
    }
}
