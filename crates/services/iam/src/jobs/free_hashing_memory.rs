//! Frees the memory of password hashing while it is idle.

use platform::jobs::Job;

use crate::hashing::Hashing;

/// The job runs in every replica, because it frees the memory of its own process.
pub fn free_hashing_memory(hashing: Hashing) -> Job {
    Job::new("hashing", |stop| hashing.free_hashing_memory(stop))
}
