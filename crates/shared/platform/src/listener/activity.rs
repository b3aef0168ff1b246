//! What happens on a connection: bytes received, requests in hand, and since when there is none.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// A request that began this long ago and has not ended waits for a client that does not read, since the server's own limit is
/// [`REQUEST_LIMIT`](crate::deadline::REQUEST_LIMIT).
const STALLED: Duration = Duration::from_mins(1);

/// Clones are of the same connection.
#[derive(Clone)]
pub(super) struct Activity(Arc<Counts>);

struct Counts {
    opened: Instant,
    received: AtomicUsize,
    in_hand: AtomicUsize,
    has_had_request: AtomicBool,
    /// When the last request began or ended, in milliseconds since `opened`.
    changed: AtomicU64,
    /// The connection is about to be closed and begins no request any more.
    is_displaced: AtomicBool,
}

/// A request in hand, until it is dropped with the last of its response.
pub(super) struct InHand(Activity);

impl Activity {
    pub fn new() -> Self {
        Self(Arc::new(Counts {
            opened: Instant::now(),
            received: AtomicUsize::new(0),
            in_hand: AtomicUsize::new(0),
            has_had_request: AtomicBool::new(false),
            changed: AtomicU64::new(0),
            is_displaced: AtomicBool::new(false),
        }))
    }

    /// Begins a request, unless the connection is being displaced.
    pub fn begin(&self) -> Option<InHand> {
        self.0.in_hand.fetch_add(1, SeqCst);
        self.0.has_had_request.store(true, SeqCst);
        self.touch();
        let request = InHand(self.clone());
        (!self.0.is_displaced.load(SeqCst)).then_some(request)
    }

    /// Returns the number of bytes received so far.
    pub fn received(&self) -> usize {
        self.0.received.load(SeqCst)
    }

    pub fn has_had_request(&self) -> bool {
        self.0.has_had_request.load(SeqCst)
    }

    /// Returns the time since which no request is in hand; `None` while there is one.
    pub fn idle_since(&self) -> Option<Instant> {
        (self.0.in_hand.load(SeqCst) == 0).then(|| self.changed())
    }

    /// Returns the rank for displacement: the connection with the lowest rank loses its place first. `None` while it has a request in hand
    /// that is not stalled.
    pub fn rank(&self) -> Option<(bool, Instant)> {
        let is_displaceable = self.idle_since().is_some() || self.is_stalled();
        is_displaceable.then(|| (self.has_had_request(), self.changed()))
    }

    /// Displaces the connection. Returns false if a request has begun meanwhile; after true, no request begins.
    pub fn displace(&self) -> bool {
        self.0.is_displaced.store(true, SeqCst);
        let is_displaced = self.rank().is_some();
        self.0.is_displaced.store(is_displaced, SeqCst);
        is_displaced
    }

    fn is_stalled(&self) -> bool {
        self.changed().elapsed() > STALLED
    }

    fn changed(&self) -> Instant {
        self.0.opened + Duration::from_millis(self.0.changed.load(SeqCst))
    }

    fn touch(&self) {
        let elapsed = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.changed.store(elapsed, SeqCst);
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.touch();
        self.0.0.in_hand.fetch_sub(1, SeqCst);
    }
}

/// The body of a response, whose request is in hand until it has been sent.
pub(super) struct Sent {
    body: Body,
    _request: InHand,
}

impl Sent {
    pub fn new(body: Body, request: InHand) -> Self {
        Self { body, _request: request }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose received bytes are counted.
pub(super) struct Watched<S> {
    pub stream: S,
    pub activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.activity.0.received.fetch_add(buffer.filled().len() - before, SeqCst);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
