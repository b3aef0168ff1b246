//! The limits and the guard of an HTTP API. A request takes a slot, its caller is authenticated, and it takes a slot of
//! its user.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};

use crate::{
    auth::Guard,
    shared_layer::shared,
    slots::{Slots, UserSlots, body_size, refusal, refusal_to_user},
};

/// The limits and the guard of some endpoints. Clones share the slots. A request keeps its slots until its endpoint
/// returns the response, whose body may be a stream.
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
    State((inbound, body_limit)): State<(Arc<RequestLimits>, usize)>,
    mut request: Request,
    next: Next,
) -> Response {
    let (Some(_slot), Ok(_apart)) = (inbound.slots.take(), slot(inbound.apart.as_ref())) else {
        return refusal().into_response();
    };
    DefaultBodyLimit::max(body_limit).apply(&mut request);
    let handle = async |request: Request| match inbound.users.take(request.extensions().get(), body_size(&request)) {
        Ok(_slot) => next.run(request).await,
        Err(()) => refusal_to_user(),
    };
    inbound.guard.request(request, handle).await
}

/// Takes one of the slots, if there is a limit.
fn slot(limit: Option<&Slots>) -> Result<Option<impl Drop>, ()> {
    limit.map(|slots| slots.take().ok_or(())).transpose()
}
