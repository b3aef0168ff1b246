//! Load shedding: requests above a bound are rejected with 429 at once and wait in no queue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{auth::Caller, problem::Problem};

/// The slots of concurrent requests; clones share them.
#[derive(Clone)]
pub struct Slots(Arc<Semaphore>);

impl Slots {
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// Takes a slot, which is free again once it is dropped.
    pub(crate) fn take(&self) -> Option<impl Drop + use<'_>> {
        self.0.try_acquire().ok()
    }
}

/// Limits the slots that one user may have at a time, so that no session takes all slots; clones share the counts.
///
/// Services have no such limit, since they call on behalf of many users.
#[derive(Clone)]
pub struct UserSlots(Arc<Used>);

struct Used {
    most: usize,
    /// A user without requests has no entry.
    requests: Mutex<HashMap<Uuid, usize>>,
}

/// A user's slot, until it is dropped.
pub(crate) struct UserSlot {
    used: Arc<Used>,
    user: Uuid,
}

impl UserSlots {
    /// Gives each user a quarter of `all` slots: up to three users who hold all their slots leave some to everyone else, and an application
    /// with many parallel requests still has enough.
    pub fn quarter_of(all: usize) -> Self {
        Self(Arc::new(Used { most: (all / 4).max(1), requests: Mutex::default() }))
    }

    /// Takes a slot for the caller of `request`, as the guard identified it. Returns `Err` if the user has used up its slots, and `None` if
    /// the caller is no user.
    pub(crate) fn take(&self, request: &Request) -> Result<Option<UserSlot>, ()> {
        match request.extensions().get::<Caller>() {
            Some(Caller::User(user)) => self.take_for(user.uuid).map(Some).ok_or(()),
            Some(Caller::Service(_)) | None => Ok(None),
        }
    }

    fn take_for(&self, user: Uuid) -> Option<UserSlot> {
        let mut requests = self.0.lock();
        let own = requests.entry(user).or_default();
        if *own >= self.0.most {
            return None;
        }
        *own += 1;
        drop(requests);
        Some(UserSlot { used: self.0.clone(), user })
    }
}

impl Used {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UserSlot {
    fn drop(&mut self) {
        let mut requests = self.used.lock();
        if let Some(own) = requests.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                requests.remove(&self.user);
            }
        }
    }
}

/// Middleware: takes a slot for the request, or answers 429.
pub async fn shed(State(slots): State<Slots>, request: Request, next: Next) -> Response {
    let Some(_slot) = slots.take() else { return refusal() };
    next.run(request).await
}

/// Middleware behind the guard: takes a slot of the user's for the request, or answers 429.
pub async fn shed_user(State(slots): State<UserSlots>, request: Request, next: Next) -> Response {
    match slots.take(&request) {
        Ok(_slot) => next.run(request).await,
        Err(()) => refusal_to_user(),
    }
}

/// Returns the response to a request for which there is no slot.
pub fn refusal() -> Response {
    metrics::counter!("requests_shed_total").increment(1);
    too_many("too many requests at once; try again soon")
}

fn refusal_to_user() -> Response {
    metrics::counter!("requests_of_one_user_shed_total").increment(1);
    too_many("too many requests of this user at once; try again soon")
}

fn too_many(message: &str) -> Response {
    let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", message);
    problem.retry_after = Some(1);
    problem.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_quarter_of_the_slots_and_a_user_without_requests_leaves_nothing_behind() {
        let (slots, user, other) = (UserSlots::quarter_of(8), Uuid::from_u128(1), Uuid::from_u128(2));

        let held = [slots.take_for(user), slots.take_for(user)];
        assert!(held.iter().all(Option::is_some));
        assert!(slots.take_for(user).is_none());
        assert!(slots.take_for(other).is_some());
        drop(held);

        assert!(slots.0.lock().is_empty());
        assert!(slots.take_for(user).is_some());
    }
}
