//! Background jobs.

use platform::jobs::{Done, Job, Retention};

use crate::{
    repository::{PgNotifications, PgOffsets},
    service::{Bot, Sender},
};

/// Rows removed per statement.
const RETENTION_BATCH: i64 = 5_000;

/// Returns all jobs. There is no bot without a token.
pub fn all(sender: Sender, bot: Option<Bot>, retention: &Retention) -> Vec<Job> {
    let retention = [remove_old_notifications(retention), remove_bot_offsets(retention), retention.inbox()];
    [send_notifications(sender)].into_iter().chain(bot.map(answer_commands)).chain(retention).collect()
}

/// Sends queued notifications, in one replica at a time by a lease.
fn send_notifications(sender: Sender) -> Job {
    Job::new("sender", |stop| sender.run(stop))
}

/// Answers commands to the bot, in one replica at a time by a lease.
fn answer_commands(bot: Bot) -> Job {
    Job::new("greeter", |stop| bot.run(stop))
}

/// Retention: removes the offsets of bots that are no longer used.
fn remove_bot_offsets(retention: &Retention) -> Job {
    retention.job("bot_offsets", |database, age| async move {
        let removed = PgOffsets::new(database).remove_unused(age, RETENTION_BATCH).await?;
        Ok(Done::from_count(removed, RETENTION_BATCH.cast_unsigned()))
    })
}

/// Retention: removes sent and failed notifications once their events have expired from the topics.
fn remove_old_notifications(retention: &Retention) -> Job {
    retention.job("notifications", |database, age| async move {
        let removed = PgNotifications::new(database).remove_ended(age, RETENTION_BATCH).await?;
        Ok(Done::from_count(removed, RETENTION_BATCH.cast_unsigned()))
    })
}
