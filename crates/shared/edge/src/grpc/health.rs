//! The services that callers may use without a session: health, `grpc.health.v1.Health`, which reports the server's
//! readiness, and the limits of health and reflection: the size of a message, and the number and the lifetime of
//! streams (`Watch` of health, and reflection).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use base::readiness::Readiness;
use http_body::Frame;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tonic::{Status, service::Routes};
use tonic_health::{ServingStatus, server::HealthReporter};

use super::refuse;

/// Creates the service, and the reporter that sets its statuses.
pub(super) fn service() -> (HealthReporter, Routes) {
    let (reporter, health) = tonic_health::server::health_reporter();
    (reporter, Routes::new(health.max_decoding_message_size(MAX_OPEN_MESSAGE_BYTES)))
}

/// Reports SERVING for `""` and `names` while `readiness` is met, otherwise NOT_SERVING. Never returns.
pub(super) async fn report(reporter: &HealthReporter, names: &[&'static str], readiness: &Readiness) {
    let mut changes = readiness.changes();
    loop {
        let status = if readiness.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in names.iter().copied().chain([""]) {
            reporter.set_service_status(name, status).await;
        }
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// The maximum size in bytes of a message to health or reflection, which contains only names.
pub(super) const MAX_OPEN_MESSAGE_BYTES: usize = 4 * 1024;
/// The maximum number of concurrent streams of one kind per server.
const MAX_STREAMS: usize = 256;
/// The maximum lifetime of a stream. The client then opens another, as after a lost connection.
const MAX_STREAM_LIFETIME: Duration = Duration::from_mins(10);

/// Returns true for `Watch`, which is a stream. `Check` has a single response.
pub(super) fn is_watch(path: &str) -> bool {
    path.ends_with("/Watch")
}

/// The streams of one kind, whose number and lifetime are limited.
pub(super) struct Streams {
    services: &'static [&'static str],
    is_stream: fn(&str) -> bool,
    slots: Arc<Semaphore>,
}

impl Streams {
    /// Creates the limits of those calls to `services` for whose path `is_stream` returns true.
    pub fn new(services: &'static [&'static str], is_stream: fn(&str) -> bool) -> Self {
        Self { services, is_stream, slots: Arc::new(Semaphore::new(MAX_STREAMS)) }
    }

    pub fn are_of(&self, service: &str) -> bool {
        self.services.contains(&service)
    }

    /// Handles a call to one of the services.
    pub async fn bounded(&self, request: Request, next: Next) -> Response {
        if !(self.is_stream)(request.uri().path()) {
            return next.run(request).await;
        }
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            metrics::counter!("requests_shed_total").increment(1);
            return refuse(&Status::resource_exhausted("too many streams at once; try again soon"));
        };
        let response = next.run(request).await;
        response.map(|body| Body::new(Limited { body, end: Box::pin(sleep(MAX_STREAM_LIFETIME)), slot: Some(slot) }))
    }
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
