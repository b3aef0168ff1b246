//! Sends queued notifications, in one replica at a time by a lease.

use platform::jobs::Job;

use crate::service::Sender;

pub fn send_notifications(sender: Sender) -> Job {
    Job::new("sender", |stop| sender.run(stop))
}
