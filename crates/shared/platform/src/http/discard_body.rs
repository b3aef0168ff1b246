//! Reads and discards the rest of a request's body after an early response.
//!
//! Closing a connection on which the client still sends would reset it, and the client would never see the response.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use http_body::{Frame, SizeHint};

/// The maximum number of bytes that are discarded.
const MAX_BYTES: usize = 8 << 20;
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A request body that the handler reads, and then the middleware.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

/// Returns the response once the rest of the body has been read, or a limit is reached.
pub async fn discard_rest(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    if request.body().is_end_stream() {
        return next(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut rest = Shared(Arc::new(Mutex::new(body)));
    let response = next(Request::from_parts(parts, Body::new(rest.clone()))).await;
    let _ = tokio::time::timeout(READ_TIMEOUT, rest.discard()).await;
    response
}

impl Shared {
    async fn discard(&mut self) {
        let mut left = MAX_BYTES;
        while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut *self).poll_frame(context)).await {
            let Some(remains) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = remains;
        }
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Body) -> T) -> T {
        ask(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| if body.is_end_stream() { Poll::Ready(None) } else { Pin::new(body).poll_frame(context) })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
