//! The service's counters.

use platform::telemetry::metric::Metric;

use crate::model::LoanStatus;

/// The metrics that this service exports in addition to those of every service.
pub const METRICS: &[Metric] = &[
    Metric::counter(
        "kyc_checks_total",
        &["outcome"],
        "Checks of identities that the checker decided, and requests that it did not answer.",
    ),
    Metric::counter("loans_total", &["status"], "Loans that have reached a status."),
];

/// Creates every counter at 0, because `rate()` ignores the first value of a series.
pub fn count_from_zero() {
    for outcome in ["approved", "refused", "unknown"] {
        count_check(outcome, 0);
    }
    for status in [LoanStatus::Held, LoanStatus::Credited, LoanStatus::Refused] {
        count_loans(status, 0);
    }
}

/// The outcome `unknown` counts requests to which the checker did not respond.
pub fn count_check(outcome: &'static str, count: u64) {
    metrics::counter!("kyc_checks_total", "outcome" => outcome).increment(count);
}

pub fn count_loans(status: LoanStatus, count: u64) {
    metrics::counter!("loans_total", "status" => status.as_str()).increment(count);
}
