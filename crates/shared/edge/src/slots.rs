//! Slots of concurrent requests, in total and of one user, and the layer of an HTTP API that takes them. A request that
//! finds none is rejected with 429 at once instead of being queued. The bytes of the bodies of one user's requests are
//! bounded, too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::HttpBody as _,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    auth::{Caller, Guard, User},
    problem::Problem,
    request_body::{MAX_HANDLED_BYTES, MAX_UNCOUNTED_BYTES},
    shared_layer::shared,
};

/// The maximum number of bytes of the bodies of one user's requests. Bodies of at most [`MAX_UNCOUNTED_BYTES`] do not
/// count.
const MAX_BYTES_PER_USER: usize = MAX_HANDLED_BYTES / 4;

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

/// The limits on one user's share of the slots; clones share the counts. Services have no such limit, since they call
/// on behalf of many users.
#[derive(Clone)]
pub struct UserSlots(Arc<Used>);

struct Used {
    max_requests: usize,
    users: Mutex<HashMap<Uuid, Own>>,
}

struct Own {
    requests: usize,
    bytes: usize,
}

/// A slot of a user, freed on drop.
pub(crate) struct UserSlot {
    used: Arc<Used>,
    user: Uuid,
    bytes: usize,
}

impl UserSlots {
    /// Gives each user a quarter of `all` slots, so that three users who hold all their slots leave some to everyone
    /// else.
    pub fn quarter_of(all: usize) -> Self {
        Self(Arc::new(Used { max_requests: (all / 4).max(1), users: Mutex::default() }))
    }

    /// Takes a slot for a request of `caller` with a body of `body` bytes. Returns `Err` if the user has used up its
    /// slots or bytes, and `None` if the caller is not a user.
    pub(crate) fn take(&self, caller: Option<&Caller>, body: usize) -> Result<Option<UserSlot>, ()> {
        let Some(Caller::User(User { uuid: user, .. })) = caller else { return Ok(None) };
        let bytes = if body > MAX_UNCOUNTED_BYTES { body } else { 0 };
        let mut users = self.0.lock();
        let (requests, held) = users.get(user).map_or((0, 0), |own| (own.requests, own.bytes));
        if requests >= self.0.max_requests || held + bytes > MAX_BYTES_PER_USER {
            return Err(());
        }
        users.insert(*user, Own { requests: requests + 1, bytes: held + bytes });
        Ok(Some(UserSlot { used: self.0.clone(), user: *user, bytes }))
    }
}

impl Used {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Own>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UserSlot {
    fn drop(&mut self) {
        let mut users = self.used.lock();
        if let Some(own) = users.get_mut(&self.user) {
            own.requests -= 1;
            own.bytes -= self.bytes;
            if own.requests == 0 {
                users.remove(&self.user);
            }
        }
    }
}

/// The limits on concurrent requests to some endpoints, and the guard that authenticates their callers. Clones share
/// the slots. A request keeps its slots until its endpoint returns the response, whose body may be a stream.
#[derive(Clone)]
pub struct RequestLimits {
    guard: Guard,
    slots: Slots,
    apart: Option<Slots>,
    users: UserSlots,
}

impl RequestLimits {
    /// Responds 429 to a request if all of `slots`, or all slots of its user, are taken.
    pub fn new(guard: Guard, slots: Slots, users: UserSlots) -> Self {
        Self { guard, slots, apart: None, users }
    }

    /// Makes each request also take one of `slots`, which endpoints that wait for the same service share, so that a
    /// slow service does not block other endpoints.
    #[must_use]
    pub fn apart(&self, slots: Slots) -> Self {
        Self { apart: Some(slots), ..self.clone() }
    }

    #[must_use]
    pub fn behind(&self, guard: Guard) -> Self {
        Self { guard, ..self.clone() }
    }

    /// Puts the limits and the guard in front of the endpoints of `router`, which read bodies of at most `body_limit`
    /// bytes, unless an endpoint sets another limit. The whole router needs a fallback of its own: axum's is behind the
    /// guard now, which refuses unknown paths with 403.
    pub fn to<S: Clone + Send + Sync + 'static>(&self, router: Router<S>, body_limit: usize) -> Router<S> {
        router.layer(shared(from_fn_with_state((Arc::new(self.clone()), body_limit), admit)))
    }
}

/// One layer, since each layer of axum costs each request several allocations.
async fn admit(
    State((limits, body_limit)): State<(Arc<RequestLimits>, usize)>,
    mut request: Request,
    next: Next,
) -> Response {
    let (Some(_slot), Ok(_apart)) = (limits.slots.take(), slot(limits.apart.as_ref())) else {
        return refusal().into_response();
    };
    DefaultBodyLimit::max(body_limit).apply(&mut request);
    let handle = async |request: Request| match limits.users.take(request.extensions().get(), body_size(&request)) {
        Ok(_slot) => next.run(request).await,
        Err(()) => refusal_to_user(),
    };
    limits.guard.request(request, handle).await
}

/// Takes one of the slots, if there is a limit.
fn slot(slots: Option<&Slots>) -> Result<Option<impl Drop>, ()> {
    slots.map(|slots| slots.take().ok_or(())).transpose()
}

/// Middleware: takes a slot for the request, or responds 429.
pub async fn shed(State(slots): State<Slots>, request: Request, next: Next) -> Response {
    let Some(_slot) = slots.take() else { return refusal().into_response() };
    next.run(request).await
}

/// Returns the number of bytes of a body that have arrived: all, unless the body is longer than its limit.
pub(crate) fn body_size(request: &Request) -> usize {
    usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX)
}

/// Counts a request that finds no free slot, and returns its problem.
pub fn refusal() -> Problem {
    metrics::counter!("requests_shed_total").increment(1);
    Problem::too_many_requests("too many requests at once; try again soon")
}

fn refusal_to_user() -> Response {
    metrics::counter!("requests_of_one_user_shed_total").increment(1);
    Problem::too_many_requests("too many requests of this user at once; try again soon").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_quarter_of_the_bytes_and_small_bodies_are_not_counted() {
        let slots = UserSlots::quarter_of(100);
        let take = |user, body| slots.take(Some(&Caller::User(User::plain(Uuid::from_u128(user)))), body);

        let large = take(1, MAX_BYTES_PER_USER);
        assert!(large.is_ok() && take(1, MAX_UNCOUNTED_BYTES + 1).is_err());
        assert!(take(1, MAX_UNCOUNTED_BYTES).is_ok() && take(2, MAX_BYTES_PER_USER).is_ok());
        drop(large);

        assert!(slots.0.lock().is_empty(), "a user without requests leaves nothing behind");
        assert!(take(1, MAX_BYTES_PER_USER).is_ok());
    }
}
