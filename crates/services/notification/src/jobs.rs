//! Background jobs.

use platform::jobs::{Done, Job, Retention};

use crate::{
    repository::{Notifications as _, Offsets as _, PgNotifications, PgOffsets},
    service::{Bot, Sender},
};

/// Rows removed per statement.
const RETENTION_BATCH: i64 = 5_000;

/// Returns the jobs that run over any implementation of the repositories.
pub fn all(sender: Sender) -> [Job; 1] {
    [send_notifications(sender)]
}

/// Sends queued notifications, in one replica at a time by a lease.
pub fn send_notifications(sender: Sender) -> Job {
    Job::new("sender", |stop| sender.run(stop))
}

/// Answers commands to the bot, in one replica at a time by a lease.
pub fn answer_commands(bot: Bot) -> Job {
    Job::new("greeter", |stop| bot.run(stop))
}

/// Retention: removes the offsets of bots that are no longer used.
pub fn remove_bot_offsets(retention: &Retention) -> Job {
    retention.job("bot_offsets", |database, age| async move {
        let removed = PgOffsets::new(database).remove_unused(age, RETENTION_BATCH).await?;
        Ok(Done::from_count(removed, RETENTION_BATCH.cast_unsigned()))
    })
}

/// Retention: removes sent and failed notifications once their events have expired from the topics.
pub fn remove_old_notifications(retention: &Retention) -> Job {
    retention.job("notifications", |database, age| async move {
        let removed = PgNotifications::new(database).remove_ended(age, RETENTION_BATCH).await?;
        Ok(Done::from_count(removed, RETENTION_BATCH.cast_unsigned()))
    })
}
