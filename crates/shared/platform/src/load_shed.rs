//! Load shedding: requests above a bound are rejected with 429 at once, instead of being queued.
//!
//! Below the bounds, the users' requests still compete for the processor and the database. So while other users are
//! active, a user has at most twice as many requests handled at once as the busiest other user has in flight, but at
//! least [`MIN_REQUESTS_PER_USER`] and at most [`MAX_REQUESTS_PER_USER`]; further ones wait for their turn. The bytes
//! of their bodies are bounded.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::HttpBody as _,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    auth::Caller,
    http::{
        problem::Problem,
        request_body::{MAX_HANDLED_BYTES, MAX_UNCOUNTED_BYTES},
    },
};

/// The maximum number of requests of one user that are handled at once while others are active. It is less than the
/// size of a pool (by default at least 10), so that one user cannot use all connections.
const MAX_REQUESTS_PER_USER: u32 = 8;
/// How many requests of one user are handled at once in any case.
const MIN_REQUESTS_PER_USER: u32 = 2;
/// The maximum number of bytes of the bodies of one user's requests. Bodies of at most [`MAX_UNCOUNTED_BYTES`] do not
/// count.
const MAX_BYTES_PER_USER: usize = MAX_HANDLED_BYTES / 4;
/// How long a user counts as active after a request.
const ACTIVE_FOR: Duration = Duration::from_secs(1);

/// The slots of concurrent requests; clones share them.
#[derive(Clone)]
pub struct Slots(Arc<Semaphore>);

impl Slots {
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// Creates as many slots as this number of eighths of `all`, at least one.
    pub fn eighths_of(all: usize, eighths: usize) -> Self {
        Self::new((all * eighths / 8).max(1))
    }

    /// Takes a slot, which is free again once it is dropped.
    pub fn take(&self) -> Option<impl Drop + use<'_>> {
        self.0.try_acquire().ok()
    }
}

/// The limits on one user's share of the slots and, while others are active, of the requests handled at once; clones
/// share the counts.
///
/// Services have no such limit, since they call on behalf of many users.
#[derive(Clone)]
pub struct UserSlots(Arc<Used>);

struct Used {
    most: usize,
    users: Mutex<Users>,
}

#[derive(Default)]
struct Users {
    /// Users with requests in flight.
    own: HashMap<Uuid, Own>,
    /// The user and the time of the last request, and of the last request of another user.
    last: Option<(Uuid, Instant)>,
    before: Option<(Uuid, Instant)>,
}

struct Own {
    requests: usize,
    /// The bytes of the bodies of these requests.
    bytes: usize,
    /// [`MAX_REQUESTS_PER_USER`] permits, of which a request may take several.
    turns: Arc<Semaphore>,
}

/// A slot of a user, freed on drop.
pub(crate) struct UserSlot {
    used: Arc<Used>,
    user: Uuid,
    bytes: usize,
    /// `None` if the user was alone and had more than [`MAX_REQUESTS_PER_USER`] requests.
    turn: Option<OwnedSemaphorePermit>,
}

impl UserSlots {
    /// Gives each user a quarter of `all` slots, so that three users who hold all their slots leave some to everyone
    /// else.
    pub fn quarter_of(all: usize) -> Self {
        Self(Arc::new(Used { most: (all / 4).max(1), users: Mutex::default() }))
    }

    /// Takes a slot for a request of `caller` with a body of `body` bytes, and waits for the caller's turn. Returns
    /// `Err` if the user has used up its slots or bytes, and `None` if the caller is not a user.
    pub(crate) async fn take(&self, caller: Option<&Caller>, body: usize) -> Result<Option<UserSlot>, ()> {
        match caller {
            Some(Caller::User(user)) => self.take_for(user.uuid, body).await.map(Some).ok_or(()),
            Some(Caller::Service(_)) | None => Ok(None),
        }
    }

    async fn take_for(&self, user: Uuid, body: usize) -> Option<UserSlot> {
        let bytes = if body > MAX_UNCOUNTED_BYTES { body } else { 0 };
        let (mut slot, turns, permits) = {
            let mut users = self.0.lock();
            let permits = users.permits(user, Instant::now());
            let new = || Own { requests: 0, bytes: 0, turns: Arc::new(Semaphore::new(MAX_REQUESTS_PER_USER as usize)) };
            let own = users.own.entry(user).or_insert_with(new);
            if own.requests >= self.0.most || own.bytes + bytes > MAX_BYTES_PER_USER {
                return None;
            }
            own.requests += 1;
            own.bytes += bytes;
            (UserSlot { used: self.0.clone(), user, bytes, turn: None }, own.turns.clone(), permits)
        };
        slot.turn = match permits {
            Some(permits) => turns.acquire_many_owned(permits).await.ok(),
            None => turns.try_acquire_owned().ok(),
        };
        Some(slot)
    }
}

impl Used {
    fn lock(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Users {
    /// Returns how many of the [`MAX_REQUESTS_PER_USER`] permits a request of `user` needs; `None` if the user is alone
    /// and need not wait.
    fn permits(&mut self, user: Uuid, now: Instant) -> Option<u32> {
        if self.is_alone(user, now) {
            return None;
        }
        let others = self.own.iter().filter(|(other, _)| **other != user);
        // A user's first requests never wait, so other users' requests need not be counted.
        let has_few = self.own.get(&user).is_none_or(|own| own.requests < MIN_REQUESTS_PER_USER as usize);
        let busiest = if has_few { 0 } else { others.map(|(_, own)| own.requests).max().unwrap_or_default() };
        let at_once = u32::try_from(2 * busiest)
            .unwrap_or(MAX_REQUESTS_PER_USER)
            .clamp(MIN_REQUESTS_PER_USER, MAX_REQUESTS_PER_USER);
        Some(MAX_REQUESTS_PER_USER.div_ceil(at_once))
    }

    /// Records a request of `user`. Returns true if no other user is active.
    fn is_alone(&mut self, user: Uuid, now: Instant) -> bool {
        if let Some(last) = self.last.filter(|last| last.0 != user) {
            self.before = Some(last);
        }
        self.last = Some((user, now));
        let was_there = self.before.is_some_and(|(_, at)| now.saturating_duration_since(at) < ACTIVE_FOR);
        !was_there && self.own.keys().all(|other| *other == user)
    }
}

impl Drop for UserSlot {
    fn drop(&mut self) {
        let mut users = self.used.lock();
        if let Some(own) = users.own.get_mut(&self.user) {
            own.requests -= 1;
            own.bytes -= self.bytes;
            if own.requests == 0 {
                users.own.remove(&self.user);
            }
        }
    }
}

/// Middleware: takes a slot for the request, or answers 429.
pub async fn shed(State(slots): State<Slots>, request: Request, next: Next) -> Response {
    let Some(_slot) = slots.take() else { return refusal().into_response() };
    next.run(request).await
}

/// Returns the size of a body that has arrived, in bytes. Of a body that is longer than its limit, only a part has arrived.
pub(crate) fn body_size(request: &Request) -> usize {
    usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX)
}

/// Counts a request that finds no free slot, and returns its problem.
pub fn refusal() -> Problem {
    metrics::counter!("requests_shed_total").increment(1);
    Problem::too_many_requests("too many requests at once; try again soon")
}

pub(crate) fn refusal_to_user() -> Response {
    metrics::counter!("requests_of_one_user_shed_total").increment(1);
    Problem::too_many_requests("too many requests of this user at once; try again soon").into_response()
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};

    use super::*;

    const ONE: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    /// Returns how many of `requests` requests of [`ONE`] are handled at once, the waiting requests, and the slots of
    /// the handled ones.
    fn at_once(slots: &UserSlots, requests: usize) -> (usize, Vec<BoxFuture<'_, Option<UserSlot>>>, Vec<UserSlot>) {
        let (mut waiting, mut handled) = (Vec::new(), Vec::new());
        for _ in 0..requests {
            let mut slot = slots.take_for(ONE, 1).boxed();
            match slot.as_mut().now_or_never() {
                Some(slot) => handled.extend(slot),
                None => waiting.push(slot),
            }
        }
        (handled.len(), waiting, handled)
    }

    #[tokio::test]
    async fn a_user_has_a_quarter_of_the_bytes_and_small_bodies_are_not_counted() {
        let slots = UserSlots::quarter_of(100);

        let large = slots.take_for(ONE, MAX_BYTES_PER_USER).await;
        assert!(large.is_some() && slots.take_for(ONE, MAX_UNCOUNTED_BYTES + 1).await.is_none());
        assert!(
            slots.take_for(ONE, MAX_UNCOUNTED_BYTES).await.is_some()
                && slots.take_for(OTHER, MAX_BYTES_PER_USER).await.is_some()
        );
        drop(large);

        assert!(slots.0.lock().own.is_empty(), "a user without requests leaves nothing behind");
        assert!(slots.take_for(ONE, MAX_BYTES_PER_USER).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_users_requests_wait_for_each_other_while_another_user_is_active() {
        let slots = UserSlots::quarter_of(100);
        assert_eq!(at_once(&slots, 20).0, 20, "it is alone");

        drop(slots.take_for(OTHER, 1).await);
        let (count, waiting, handled) = at_once(&slots, 20);
        assert_eq!(count, 2);
        drop(handled);
        let mut slots_in_turn = stream::iter(waiting).buffered(20);
        for turn in 0..18 {
            let slot = slots_in_turn.next().now_or_never().flatten().flatten();
            assert!(slot.is_some(), "{turn}");
        }

        tokio::time::advance(ACTIVE_FOR).await;
        assert_eq!(at_once(&slots, 20).0, 20, "it is alone again");
        let others = slots.take_for(OTHER, 1).await;
        tokio::time::advance(2 * ACTIVE_FOR).await;
        assert_eq!(at_once(&slots, 20).0, 2, "the other's request is still handled");
        drop(others);
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_has_at_most_twice_as_many_requests_handled_as_the_busiest_other_user_asks_for() {
        for (busy, expected) in [(1, 2), (2, 4), (3, 4), (4, 8), (50, 8)] {
            let slots = UserSlots::quarter_of(400);
            let mut others: Vec<_> = (0..busy).map(|_| slots.take_for(OTHER, 1).boxed()).collect();
            let held: Vec<_> = others.iter_mut().map(|slot| slot.as_mut().now_or_never()).collect();

            let (count, waiting, handled) = at_once(&slots, 20);
            drop(handled);
            let later: Vec<_> = waiting.into_iter().filter_map(futures::FutureExt::now_or_never).collect();

            assert_eq!((count, later.len()), (2, expected), "{busy}");
            drop(held);
        }
    }
}
