//! Tracks the activity of a connection: bytes received, requests in flight, and the time since the last request.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// A connection on which no request has begun or ended for this long is stalled. If it has a request in flight, its
/// client does not read the response, since the server's own limit is
/// [`REQUEST_TIMEOUT`](base::deadline::REQUEST_TIMEOUT).
const STALLED_AFTER: Duration = Duration::from_mins(1);

/// The time limit for a client to take some bytes of a response. It is longer than the usual interruption of a mobile
/// connection.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The activity of one connection, shared by its clones.
#[derive(Clone)]
pub(super) struct Activity(Arc<Counts>);

struct Counts {
    opened: Instant,
    received: AtomicUsize,
    in_hand: AtomicUsize,
    has_had_request: AtomicBool,
    /// When the last request began or ended, in milliseconds since `opened`.
    changed: AtomicU64,
    /// True if the connection is about to close: no further request may begin.
    is_displaced: AtomicBool,
}

/// A request in flight, until this value is dropped after the response has been sent.
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

    pub fn received(&self) -> usize {
        self.0.received.load(SeqCst)
    }

    pub fn has_had_request(&self) -> bool {
        self.0.has_had_request.load(SeqCst)
    }

    /// Returns since when no request is in flight, or `None` while there is one.
    pub fn idle_since(&self) -> Option<Instant> {
        (self.0.in_hand.load(SeqCst) == 0).then(|| self.changed())
    }

    /// Returns the rank for displacement: the connection with the lowest rank is closed first. Returns `None` while a
    /// request is in flight, unless the connection is stalled.
    pub fn rank(&self) -> Option<(bool, Instant)> {
        let is_displaceable = self.idle_since().is_some() || self.is_stalled();
        is_displaceable.then(|| (self.has_had_request(), self.changed()))
    }

    /// Displaces the connection, so that no further request begins. Returns false without displacing it if a request
    /// has begun meanwhile.
    pub fn displace(&self) -> bool {
        self.0.is_displaced.store(true, SeqCst);
        let is_displaced = self.rank().is_some();
        self.0.is_displaced.store(is_displaced, SeqCst);
        is_displaced
    }

    fn is_stalled(&self) -> bool {
        self.changed().elapsed() > STALLED_AFTER
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

/// Counts the received bytes. Writing fails once the client has taken no byte for [`WRITE_TIMEOUT`].
pub(super) struct Watched<S> {
    stream: S,
    activity: Activity,
    blocked: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity, blocked: None }
    }

    fn limited<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.blocked = None;
            return written;
        }
        let limit = self.blocked.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        limit.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.activity.0.received.fetch_add(buffer.filled().len() - before, SeqCst);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limited(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.limited(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.limited(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
