//! Answers commands to the bot, in one replica at a time by a lease.

use platform::jobs::Job;

use crate::service::Bot;

pub fn answer_commands(bot: Bot) -> Job {
    Job::new("greeter", |stop| bot.run(stop))
}
