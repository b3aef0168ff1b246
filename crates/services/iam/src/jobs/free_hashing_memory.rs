//! Frees the memory of password hashing while no password is hashed.

use platform::jobs::Job;

use crate::hashing::Hashing;

/// Runs in every replica, since each has memory of its own.
pub fn free_hashing_memory(hashing: Hashing) -> Job {
    Job::new("hashing", |stop| hashing.tidy(stop))
}
