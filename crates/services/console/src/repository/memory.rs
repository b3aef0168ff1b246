//! In-memory implementations of the repositories.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use platform::clock;

use super::{Action, Actions, BEGUN, Caught, MAX_RECORDS, NewAction, Timeline};
use crate::{
    error::Error,
    model::{NewRecord, Record},
};

/// A timeline in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryTimeline {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last: i64,
    records: Vec<Record>,
}

impl State {
    fn select(&self, place: i64, is_wanted: impl Fn(OrderId) -> bool) -> Vec<Record> {
        let wanted = self.records.iter().filter(|one| one.place > place && is_wanted(one.record.order));
        wanted.take(usize::try_from(MAX_RECORDS).unwrap_or(usize::MAX)).cloned().collect()
    }
}

impl MemoryTimeline {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(record: &NewRecord) -> (&str, &str, i32, i64) {
    (&record.topic_id, &record.topic, record.partition, record.offset)
}

#[async_trait]
impl Timeline for MemoryTimeline {
    async fn add(&self, records: Vec<NewRecord>) -> Result<u64, Error> {
        let mut state = self.state();
        let mut added = 0;
        for record in records {
            if state.records.iter().all(|known| key(&known.record) != key(&record)) {
                state.last += 1;
                let place = state.last;
                let is_same = |known: &Record| known.record.order == record.order && known.record.event == record.event;
                let is_repeat = record.event.is_some() && state.records.iter().any(is_same);
                state.records.push(Record { place, is_repeat, record });
                added += 1;
            }
        }
        Ok(added)
    }

    async fn of_order(&self, order: OrderId, place: i64) -> Result<Vec<Record>, Error> {
        Ok(self.state().select(place, |of| of == order))
    }

    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        let state = self.state();
        Ok(state.records.iter().filter(|one| one.record.order == order).find_map(|one| one.record.user))
    }

    async fn after(&self, place: i64, orders: &[OrderId]) -> Result<Caught, Error> {
        let state = self.state();
        let records = state.select(place, |of| orders.contains(&of));
        Ok(Caught::new(records, state.last))
    }

    async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let now = clock::now();
        let mut left = limit;
        let mut state = self.state();
        let before = state.records.len();
        state.records.retain(|one| {
            let is_old = (now - one.record.consumed_at).to_std().is_ok_and(|since| since > age);
            left -= i64::from(is_old);
            !is_old || left < 0
        });
        Ok((before - state.records.len()) as u64)
    }
}

#[derive(Default)]
pub struct MemoryActions {
    actions: Mutex<Vec<Action>>,
}

#[async_trait]
impl Actions for MemoryActions {
    async fn begin(&self, action: &NewAction) -> Result<i64, Error> {
        let NewAction { operator, action, subject } = action.clone();
        let (at, operator_uuid, action) = (clock::now(), operator.uuid(), action.to_owned());
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions.push(Action { at, operator_uuid, action, subject, result: BEGUN.to_owned() });
        Ok(i64::try_from(actions.len()).unwrap_or(i64::MAX))
    }

    async fn end(&self, begun: i64, result: &str) -> Result<(), Error> {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(begun).unwrap_or_default().saturating_sub(1);
        let end =
            actions.get(place).map(|begun| Action { at: clock::now(), result: result.to_owned(), ..begun.clone() });
        actions.extend(end);
        Ok(())
    }

    async fn latest(&self, limit: i64) -> Result<Vec<Action>, Error> {
        let actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(actions.iter().rev().take(usize::try_from(limit).unwrap_or_default()).cloned().collect())
    }

    async fn of_operator(&self, operator: UserId, limit: i64) -> Result<Vec<Action>, Error> {
        let mut actions = self.latest(i64::MAX).await?;
        actions.retain(|action| action.operator_uuid == operator.uuid());
        actions.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(actions)
    }
}
