//! The limit of open files (`RLIMIT_NOFILE`), raised as far as this process may.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of files that the customers and the program itself need.
const OWN_FILES: u64 = 256;

pub struct Descriptors {
    /// The number of files that this process may open; `None` without a limit.
    limit: Option<u64>,
}

impl Descriptors {
    /// Raises the soft limit to the hard one.
    pub fn raise() -> Self {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        Self { limit: getrlimit(Resource::Nofile).current }
    }

    /// Returns a warning if an attack needs more files than this process may open.
    pub fn note(&self, needed: u64) -> Option<String> {
        let limit = self.limit.filter(|limit| *limit < needed + OWN_FILES)?;
        Some(format!("this process may open {limit} files, and the attack wants {needed}; raise it with `ulimit -Hn`"))
    }
}
