//! A customer: its states, and the transitions that return their events.

use contracts::ids::UserId;
use platform::auth::Author;

use super::{Profile, Words};

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

/// The author of the checker's verdicts.
const CHECKER: &str = "checker";

/// ```text
/// ──create──▶ Pending ──approved──▶ Verified ──update──▶ Pending, the verified profile kept
///                └──refused──▶ Rejected ──update──▶ Pending
/// Pending with a kept profile ──refused──▶ Verified with that profile (the reason is RolledBack)
/// Verified ──revoke──▶ Rejected             Verified, Rejected ──erase──▶ Erased ──create──▶ Pending
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The checker is asked about `profile`. If it refuses, `kept`, which was verified before, is restored.
    Pending {
        profile: Profile,
        kept: Option<Profile>,
    },
    Verified(Profile),
    Rejected(Profile),
    Erased,
}

/// The reason for a customer's status. An operator may decide in the checker's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The checker refused a customer who had no verified profile.
    Refused,
    /// The checker refused an update. The profile that was verified before is restored.
    RolledBack,
    /// An operator rejected a verified customer by the RPC `RollbackKyc`.
    Revoked,
}

impl Reason {
    pub const ALL: [Self; 3] = [Self::Refused, Self::RolledBack, Self::Revoked];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "KYC_REFUSED",
            Self::RolledBack => "KYC_ROLLED_BACK",
            Self::Revoked => "KYC_REVOKED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A reason, and the words of the checker or operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    pub reason: Reason,
    pub words: Option<Words>,
}

/// The checker's decision about a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Approved,
    Refused(Option<Words>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerRefusal {
    #[error("the user is a customer already")]
    Exists,
    #[error("the customer's identity is being checked")]
    InProgress,
    #[error("the customer's identity is not being checked")]
    NotInProgress,
    #[error("the customer was erased")]
    Erased,
    #[error("an operator cannot decide about themselves")]
    SelfDealing,
    #[error("version: the customer has the version {0}")]
    VersionConflict(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub id: UserId,
    pub state: State,
    /// The number of changes. The first version is 1.
    pub version: i64,
    pub why: Option<Why>,
}

impl Customer {
    /// `known` is the customer stored for this user, if there is one; it must be erased.
    pub fn create(id: UserId, profile: Profile, known: Option<&Self>) -> Result<(Self, Event), CustomerRefusal> {
        let version = match known {
            None => 0,
            Some(Self { state: State::Erased, version, .. }) => *version,
            Some(_) => return Err(CustomerRefusal::Exists),
        };
        let mut customer = Self { id, state: State::Erased, version, why: None };
        let event = customer.reach(State::Pending { profile, kept: None }, None);
        Ok((customer, Event { change: Change::Created, ..event }))
    }

    /// Replaces the profile and begins a check. `version` is the one that the caller has seen.
    pub fn update(&mut self, profile: Profile, version: i64) -> Result<Event, CustomerRefusal> {
        let kept = match &self.state {
            State::Pending { .. } => return Err(CustomerRefusal::InProgress),
            State::Erased => return Err(CustomerRefusal::Erased),
            _ if version != self.version => return Err(CustomerRefusal::VersionConflict(self.version)),
            State::Verified(verified) => Some(verified.clone()),
            State::Rejected(_) => None,
        };
        Ok(self.reach(State::Pending { profile, kept }, None))
    }

    /// Applies the checker's verdict. Returns `None` if no check is in progress.
    pub fn decide(&mut self, verdict: Verdict) -> Option<Event> {
        self.decide_by(verdict, Author::part(CHECKER))
    }

    fn decide_by(&mut self, verdict: Verdict, by: Author) -> Option<Event> {
        let State::Pending { profile, kept } = &self.state else { return None };
        let (state, why) = match (verdict, kept) {
            (Verdict::Approved, _) => (State::Verified(profile.clone()), None),
            (Verdict::Refused(words), None) => {
                (State::Rejected(profile.clone()), Some(Why { reason: Reason::Refused, words }))
            }
            (Verdict::Refused(words), Some(kept)) => {
                (State::Verified(kept.clone()), Some(Why { reason: Reason::RolledBack, words }))
            }
        };
        Some(Event { decided_by: Some(by), ..self.reach(state, why) })
    }

    /// Applies an operator's verdict in place of the checker's. `version` is the one that the operator has seen.
    pub fn decide_by_hand(
        &mut self,
        verdict: Verdict,
        version: i64,
        by: Author,
    ) -> Result<Option<Event>, CustomerRefusal> {
        self.check_author(&by)?;
        if version != self.version {
            return Err(CustomerRefusal::VersionConflict(self.version));
        }
        self.decide_by(verdict, by).map(Some).ok_or(CustomerRefusal::NotInProgress)
    }

    /// Rejects a verified customer on behalf of an operator (the RPC `RollbackKyc`). Restores no earlier profile.
    /// Returns `None` if the customer is already rejected or erased.
    pub fn revoke(&mut self, words: Option<Words>, by: Author) -> Result<Option<Event>, CustomerRefusal> {
        self.check_author(&by)?;
        match &self.state {
            State::Pending { .. } => Err(CustomerRefusal::InProgress),
            State::Rejected(_) | State::Erased => Ok(None),
            State::Verified(profile) => {
                let why = Why { reason: Reason::Revoked, words };
                let rejected = State::Rejected(profile.clone());
                Ok(Some(Event { decided_by: Some(by), ..self.reach(rejected, Some(why)) }))
            }
        }
    }

    /// Removes the personal data, even during a check, whose verdict then has no effect. Returns `None` if the customer
    /// is already erased.
    pub fn erase(&mut self) -> Option<Event> {
        match &self.state {
            State::Erased => None,
            State::Pending { .. } | State::Verified(_) | State::Rejected(_) => Some(self.reach(State::Erased, None)),
        }
    }

    pub const fn status(&self) -> KycStatus {
        match self.state {
            State::Pending { .. } => KycStatus::Pending,
            State::Verified(_) => KycStatus::Verified,
            State::Rejected(_) => KycStatus::Rejected,
            State::Erased => KycStatus::Erased,
        }
    }

    /// `None` if the customer is erased.
    pub const fn profile(&self) -> Option<&Profile> {
        match &self.state {
            State::Pending { profile, .. } | State::Verified(profile) | State::Rejected(profile) => Some(profile),
            State::Erased => None,
        }
    }

    /// The verified profile that is restored if the current one is refused.
    pub const fn kept(&self) -> Option<&Profile> {
        match &self.state {
            State::Pending { kept, .. } => kept.as_ref(),
            State::Verified(_) | State::Rejected(_) | State::Erased => None,
        }
    }

    fn check_author(&self, by: &Author) -> Result<(), CustomerRefusal> {
        if by.is_user(self.id.uuid()) { Err(CustomerRefusal::SelfDealing) } else { Ok(()) }
    }

    fn reach(&mut self, state: State, why: Option<Why>) -> Event {
        self.state = state;
        self.why = why;
        self.version += 1;
        let reason = self.why.as_ref().map(|why| why.reason);
        Event {
            change: Change::Updated,
            customer: self.id,
            status: self.status(),
            version: self.version,
            reason,
            decided_by: None,
        }
    }
}

#[cfg(test)]
mod tests;
