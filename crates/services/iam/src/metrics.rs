//! The service's metrics.

use std::time::Duration;

use platform::telemetry::metric::Metric;

use crate::error::Error;

/// The metrics that only this service exports.
pub const METRICS: &[Metric] = &[
    Metric::counter(
        "authz_checks_total",
        &["outcome"],
        "Requests that the gateway asked about. Those whose check it gave up are unavailable, too.",
    ),
    Metric::histogram("iam_hashing_wait_seconds", &[], "The time that a password waited for its hash to be computed."),
    Metric::counter("iam_logins_total", &["outcome"], "Attempts to log in."),
];

/// Creates the counters with the value 0, because Prometheus' `rate()` ignores the first value of a series.
pub fn count_from_zero() {
    for outcome in ["opened", "refused", "failed", "unavailable"] {
        metrics::counter!("iam_logins_total", "outcome" => outcome).increment(0);
    }
    for outcome in ["allowed", "denied", "unavailable"] {
        metrics::counter!("authz_checks_total", "outcome" => outcome).increment(0);
    }
}

pub fn login(login: &Result<(), Error>) {
    let outcome = login.as_ref().map_or_else(failure, |()| "opened");
    metrics::counter!("iam_logins_total", "outcome" => outcome).increment(1);
}

fn failure(error: &Error) -> &'static str {
    match error {
        Error::WrongCredentials => "failed",
        Error::TooManyAttempts
        | Error::TooManyLogins
        | Error::NoRoom
        | Error::HashingBusy
        | Error::CredentialsChanging
        | Error::InvalidSession => "refused",
        _ => "unavailable",
    }
}

pub fn authz_check(outcome: &'static str) {
    metrics::counter!("authz_checks_total", "outcome" => outcome).increment(1);
}

pub fn hash_waited(waited: Duration) {
    metrics::histogram!("iam_hashing_wait_seconds").record(waited);
}
