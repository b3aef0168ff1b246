//! Limits for the health service and reflection, which callers may use without a session: the size of a message, and
//! the number and the lifetime of streams (`Watch` of the health service, and reflection).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use http_body::Frame;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tonic::{Status, service::Routes};

use super::refuse;
use crate::shared_layer::shared;

/// The maximum size in bytes of a message to health or reflection, which contains only names.
pub(super) const MAX_OPEN_MESSAGE_BYTES: usize = 4 * 1024;
/// The maximum number of concurrent streams of one kind per server.
const MAX_STREAMS: usize = 256;
/// The maximum lifetime of a stream. The client then opens another, as after a lost connection.
const MAX_STREAM_LIFETIME: Duration = Duration::from_mins(10);

/// Limits the number and the lifetime of concurrent calls of those paths in `routes` for which `is_stream` returns
/// true.
pub(super) fn bounded(routes: Routes, is_stream: fn(&str) -> bool) -> Router {
    let kind = Kind { is_stream, slots: Arc::new(Semaphore::new(MAX_STREAMS)) };
    // This router is merged with the guarded services, which have the fallback for unknown paths.
    routes.into_axum_router().reset_fallback().layer(shared(middleware::from_fn_with_state(kind, bound)))
}

/// Returns true for `Watch`, which is a stream. `Check` has a single response.
pub(super) fn is_watch(path: &str) -> bool {
    path.ends_with("/Watch")
}

#[derive(Clone)]
struct Kind {
    is_stream: fn(&str) -> bool,
    slots: Arc<Semaphore>,
}

async fn bound(State(kind): State<Kind>, request: Request, next: Next) -> Response {
    if !(kind.is_stream)(request.uri().path()) {
        return next.run(request).await;
    }
    let Ok(slot) = kind.slots.try_acquire_owned() else {
        metrics::counter!("requests_shed_total").increment(1);
        return refuse(&Status::resource_exhausted("too many streams at once; try again soon"));
    };
    let response = next.run(request).await;
    response.map(|body| Body::new(Limited { body, end: Box::pin(sleep(MAX_STREAM_LIFETIME)), slot: Some(slot) }))
}

/// A stream that ends after its lifetime.
struct Limited {
    body: Body,
    end: Pin<Box<Sleep>>,
    /// `None` once the lifetime is over.
    slot: Option<OwnedSemaphorePermit>,
}

impl HttpBody for Limited {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.slot.is_none() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        ready!(self.end.as_mut().poll(context));
        self.slot = None;
        let mut trailers = http::HeaderMap::new();
        let end = Status::unavailable("the stream has lasted long enough; begin another one");
        Poll::Ready(end.add_header(&mut trailers).is_ok().then(|| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.slot.is_none() || self.body.is_end_stream()
    }
}
