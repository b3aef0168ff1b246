//! The limit of open files of this process, which all its listeners share. They leave half of the files to stores,
//! peers and files.

use std::sync::{
    LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files this process may open: its hard limit, to which this raises the soft one.
static LIMIT: LazyLock<usize> = LazyLock::new(|| {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    getrlimit(Resource::Nofile).current.and_then(|files| files.try_into().ok()).unwrap_or(usize::MAX)
});

/// Of so many listeners that are flooded at once, none takes the files of the rest of the process. A process with all
/// services has some fifteen, whose shares would be too small.
const FLOODED_LISTENERS: usize = 8;

/// The number of listeners that are served.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// The share of one listener. Dropping it leaves more to the others.
pub(super) struct Share {
    /// How many files all listeners together may have.
    files: usize,
}

impl Share {
    pub fn new() -> Self {
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Self { files: *LIMIT / 2 }
    }

    /// Returns the maximum number of connections of the listener.
    pub fn max_connections(&self) -> usize {
        (self.files / LISTENERS.load(Ordering::Relaxed).clamp(1, FLOODED_LISTENERS)).max(1)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}
