//! Background jobs, one per file.

mod answer_commands;
mod remove_bot_offsets;
mod remove_old_notifications;
mod send_notifications;

pub use answer_commands::answer_commands;
use platform::jobs::Job;
pub use remove_bot_offsets::remove_bot_offsets;
pub use remove_old_notifications::remove_old_notifications;
pub use send_notifications::send_notifications;

use crate::service::Sender;

/// Rows removed per statement.
const RETENTION_BATCH: i64 = 5_000;

/// Returns the jobs that run over any implementation of the repositories.
pub fn all(sender: Sender) -> [Job; 1] {
    [send_notifications(sender)]
}
