//! Notifications and the attempts to send them. No I/O and no clock.

mod attempt;
mod kind;
mod messenger_error;
mod notification;
mod retry;

pub use attempt::{Attempt, Due, Expired, Outcome, Outgoing};
pub use kind::Kind;
pub use messenger_error::MessengerError;
pub use notification::{NewNotification, Notification, NotificationId, Status};
