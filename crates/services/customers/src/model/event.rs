//! The events of a customer.

use contracts::ids::UserId;
use platform::auth::Author;

use super::Reason;

/// The status of a customer in the API, events and the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KycStatus {
    Pending,
    Verified,
    Rejected,
    Erased,
}

impl KycStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "KYC_PENDING",
            Self::Verified => "VERIFIED",
            Self::Rejected => "REJECTED",
            Self::Erased => "ERASED",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    Updated,
}

/// The event of a transition. Carries no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub change: Change,
    pub customer: UserId,
    pub status: KycStatus,
    pub version: i64,
    pub reason: Option<Reason>,
    /// The author of the decision; `None` for a change that the user made.
    pub decided_by: Option<Author>,
}
