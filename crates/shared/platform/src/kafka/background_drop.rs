//! Drops Kafka clients outside of the runtime's threads.

use tokio::runtime::Handle;

/// Drops a client on a blocking thread, since the drop joins the client's threads, for up to 100 ms.
pub(super) fn drop_in_background<T: Send + 'static>(client: T) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn_blocking(move || drop(client));
    }
}
