//! Notifications and the attempts to send them. No I/O and no clock.

mod attempt;
mod kind;
mod notification;

pub use attempt::{Attempt, Due, Expired, MessengerError, Outcome, Outgoing};
pub use kind::Kind;
pub use notification::{NewNotification, Notification, NotificationId, Status};
