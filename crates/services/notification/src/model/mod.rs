//! Notifications and the attempts to send them. No I/O and no clock.

mod attempt;
mod kind;
mod notification;

pub use attempt::{Attempt, AttemptOutcome, Due, Expired, MessengerError, Outgoing};
pub use kind::Kind;
pub use notification::{NewNotification, Notification, NotificationId, Status};
