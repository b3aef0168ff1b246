//! Runs accepted work to its end even if its client leaves.
//!
//! A connection that ends drops the futures of its requests, which would stop a handler between two steps of a change.
//! This module moves the rest of the work to a task of its own, with its slots, its time limit and its span. The slots
//! bound the number of such tasks.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Work that becomes a task of `tasks` if this future is dropped before its end.
pub(super) struct ToItsEnd<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    tasks: TaskTracker,
}

impl<T: Send> ToItsEnd<T> {
    pub fn new(work: impl Future<Output = T> + Send + 'static, tasks: TaskTracker) -> Self {
        Self { work: Some(Box::pin(work)), tasks }
    }
}

impl<T: Send> Future for ToItsEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let ended = work.as_mut().poll(context);
        if ended.is_ready() {
            self.work = None;
        }
        ended
    }
}

impl<T: Send> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        // Panicked work must not be polled again. Without a runtime the process is ending.
        if let Some(work) = self.work.take()
            && !std::thread::panicking()
            && let Ok(runtime) = Handle::try_current()
        {
            metrics::counter!("requests_left_by_clients_total").increment(1);
            self.tasks.spawn_on(work, &runtime);
        }
    }
}
