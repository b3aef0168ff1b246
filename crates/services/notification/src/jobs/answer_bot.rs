//! Replies to users who write to the bot; one replica at a time, by a lease.

use platform::jobs::Job;

use crate::service::Greeter;

pub fn answer_bot(greeter: Greeter) -> Job {
    Job::new("greeter", |stop| greeter.run(stop))
}
