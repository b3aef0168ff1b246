//! Counters of responses by class, and the times for computing recovery.

use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Create,
    Read,
    Pay,
    Cancel,
    LogIn,
    /// A borrower's call to customers.
    Lend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Succeeded,
    /// 502, 503, 504 or 429.
    Unavailable,
    /// 503 PAYMENT_OUTCOME_UNKNOWN.
    Unknown,
    /// The connection was lost or the request timed out.
    Unanswered,
    /// 422 PAYMENT_DECLINED or INSUFFICIENT_FUNDS.
    Declined,
    /// 409 INVALID_STATUS or OUT_OF_STOCK, or 404 DELIVERY_NOT_FOUND.
    Refused,
    /// 409 PAYMENT_IN_PROGRESS or IDEMPOTENCY_IN_PROGRESS.
    InProgress,
    /// 401 INVALID_SESSION.
    SessionLost,
    /// Any other 5xx.
    ServerError,
    /// A response that the API contract does not allow.
    Unexpected,
}

impl Class {
    /// Returns true if the outcome counts as unavailability.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Unavailable | Self::Unanswered | Self::ServerError)
    }
}

/// The number of requests by outcome. Each attempt counts, including logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub requests: u64,
    pub succeeded: u64,
    /// Without a response, or with one that signals unavailability.
    pub failed: u64,
    /// 503 PAYMENT_OUTCOME_UNKNOWN.
    unknown: u64,
    /// 401: the session had ended, and the customer logged in again.
    pub sessions_lost: u64,
}

impl Counters {
    fn add(&mut self, class: Class) {
        self.requests += 1;
        self.succeeded += u64::from(class == Class::Succeeded);
        self.failed += u64::from(class.is_failure());
        self.unknown += u64::from(class == Class::Unknown);
        self.sessions_lost += u64::from(class == Class::SessionLost);
    }

    /// Returns the number of failed requests and of payments with an unknown outcome.
    pub fn unsatisfied(&self) -> u64 {
        self.failed + self.unknown
    }

    /// Returns the difference from an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            succeeded: self.succeeded - earlier.succeeded,
            failed: self.failed - earlier.failed,
            unknown: self.unknown - earlier.unknown,
            sessions_lost: self.sessions_lost - earlier.sessions_lost,
        }
    }
}

/// The counters of a load, and the times for computing recovery.
#[derive(Default)]
pub struct Measurements {
    pub total: Counters,
    /// The times at which requests of the first four kinds succeeded, oldest first.
    successes: [Vec<Instant>; 4],
    failed: Option<Instant>,
}

impl Measurements {
    pub fn add(&mut self, kind: Kind, class: Class, at: Instant) {
        self.total.add(class);
        if class.is_failure() {
            self.failed = Some(at);
        }
        if class == Class::Succeeded
            && let Some(times) = self.successes.get_mut(kind as usize)
        {
            times.push(at);
        }
    }

    /// Records that a response came later than a healthy system would send it.
    pub fn late(&mut self, at: Instant) {
        self.failed = Some(at);
    }

    /// Returns the time of the last failure after `since`; `None` if there was none. Failures are: no response, no
    /// response within five seconds, 429, and 5xx except PAYMENT_OUTCOME_UNKNOWN.
    pub fn last_failure(&self, since: Instant) -> Option<Instant> {
        self.failed.filter(|at| *at > since)
    }

    /// Returns how many requests to create, pay or cancel succeeded after `since`.
    pub fn writes(&self, since: Instant) -> usize {
        let times = [Kind::Create, Kind::Pay, Kind::Cancel].map(|kind| &self.successes[kind as usize]);
        times.iter().map(|times| times.len() - times.partition_point(|at| *at <= since)).sum()
    }

    /// Returns the time at which every kind of request had succeeded at least once after `since`; `None` before.
    pub fn first_success(&self, since: Instant) -> Option<Instant> {
        let firsts = self.successes.iter().map(|times| times.get(times.partition_point(|at| *at <= since)).copied());
        firsts.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn all_have_succeeded_when_the_last_kind_has() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut counts = Measurements::default();
        for (kind, seconds) in [(Kind::Create, 1), (Kind::Read, 2), (Kind::Pay, 3), (Kind::Create, 5)] {
            counts.add(kind, Class::Succeeded, at(seconds));
        }

        let without_cancel = counts.first_success(start);
        counts.add(Kind::Cancel, Class::Unavailable, at(6));
        counts.add(Kind::Cancel, Class::Succeeded, at(7));

        assert_eq!(without_cancel, None);
        assert_eq!(counts.first_success(start), Some(at(7)));
        assert_eq!(counts.first_success(at(1)), Some(at(7)));
        assert_eq!(counts.first_success(at(2)), None);
        assert_eq!((counts.writes(start), counts.writes(at(3))), (4, 2));
        assert_eq!(counts.last_failure(at(5)), Some(at(6)));
        assert_eq!(counts.last_failure(at(6)), None);
    }

    #[test]
    fn counters_add_up_and_can_be_subtracted() {
        let mut counts = Measurements::default();
        counts.add(Kind::Pay, Class::Unknown, Instant::now());
        let earlier = counts.total;
        for class in [Class::InProgress, Class::SessionLost, Class::Unanswered, Class::Succeeded] {
            counts.add(Kind::Pay, class, Instant::now());
        }

        let later = counts.total.since(&earlier);

        let expected = Counters { requests: 4, succeeded: 1, failed: 1, unknown: 0, sessions_lost: 1 };
        assert_eq!((later, later.unsatisfied(), earlier.unsatisfied()), (expected, 1, 1));
    }
}
