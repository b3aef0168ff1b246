//! Bot offsets in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    error::Error,
    repository::{Offsets, offsets::VALID_FOR},
};

/// Per bot: the id of the next update, and when it was stored.
type Next = HashMap<String, (i64, Instant)>;

#[derive(Clone, Default)]
pub struct MemoryOffsets {
    next: Arc<Mutex<Next>>,
}

impl MemoryOffsets {
    fn lock(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Offsets for MemoryOffsets {
    async fn next(&self, bot: &str) -> Result<i64, Error> {
        let next = self.lock().get(bot).filter(|(_, at)| at.elapsed() < VALID_FOR).map(|(next, _)| *next);
        Ok(next.unwrap_or_default())
    }

    async fn advance(&self, bot: &str, next: i64) -> Result<bool, Error> {
        let mut all = self.lock();
        let is_reached = all.get(bot).is_some_and(|(known, at)| *known >= next && at.elapsed() < VALID_FOR);
        if !is_reached {
            all.insert(bot.to_owned(), (next, Instant::now()));
        }
        Ok(!is_reached)
    }

    async fn remove_unused(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let mut removed = 0;
        self.lock().retain(|_, (_, at)| {
            let stays = at.elapsed() <= age.max(VALID_FOR) || removed >= limit.cast_unsigned();
            removed += u64::from(!stays);
            stays
        });
        Ok(removed)
    }
}
