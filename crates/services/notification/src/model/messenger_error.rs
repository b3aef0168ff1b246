//! Why a call to the messenger failed.

use std::time::Duration;

/// The variants differ in whether the message may have arrived, and whether a retry can help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessengerError {
    /// The message was not accepted; the messenger asks for this pause.
    #[error("rate limited for {0:?}")]
    RateLimited(Duration),
    /// Permanent: the user blocked the bot, or the chat does not exist.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The message was not accepted; a retry may succeed.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The message may have been accepted.
    #[error("no answer: {0}")]
    Unknown(String),
}
