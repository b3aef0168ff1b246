//! The service's metrics.

use platform::telemetry::metric::Metric;

use crate::{
    model::{Method, Payment, Status},
    repository::Unfinished,
};

/// The metrics that only this service exports.
pub const METRICS: &[Metric] = &[
    Metric::gauge(
        "payments_pending",
        &[],
        "Payments whose outcome is still unknown 10 s after they began. Each replica reports the same.",
    ),
    Metric::counter(
        "payments_total",
        &["method", "status"],
        "Attempts to charge whose outcome has become known: charged, declined, refunding, for an order that was cancelled meanwhile, or refused, for which the provider executed no request.",
    ),
    Metric::gauge(
        "payments_undecided",
        &[],
        "Payments whose outcome has been unknown for so long that the provider may have forgotten them. Each replica reports the same.",
    ),
    Metric::gauge(
        "refunds_accepted",
        &[],
        "Refunds that the provider has accepted and not made yet. Each replica reports the same.",
    ),
    Metric::counter(
        "refunds_failed_total",
        &[],
        "Refunds that the provider refused or failed to make; each is requested again.",
    ),
    Metric::gauge("refunds_pending", &[], "Refunds that are not done. Each replica reports the same."),
];

const SETTLED: [&str; 4] = ["charged", "declined", "refunding", "refused"];

/// Starts every counter at 0, because Prometheus' `rate()` ignores the first value of a series.
pub fn count_from_zero() {
    metrics::counter!("refunds_failed_total").increment(0);
    for method in Method::ALL {
        for status in SETTLED {
            metrics::counter!("payments_total", "method" => method.as_str(), "status" => status).increment(0);
        }
    }
}

/// Counts an attempt whose outcome has become known. The status `refunding` means a charge of an order that was
/// cancelled meanwhile.
pub fn settled(payment: &Payment) {
    let status = match payment.status {
        Status::Pending { .. } => return,
        Status::Succeeded { .. } => "charged",
        Status::Declined(_) => "declined",
        Status::Refunding { .. } | Status::Refunded { .. } => "refunding",
    };
    count(payment, status);
}

/// Counts an attempt that has ended because the provider executed no request of it.
pub fn refused(payment: &Payment) {
    count(payment, "refused");
}

fn count(payment: &Payment, status: &'static str) {
    metrics::counter!("payments_total", "method" => payment.intent.method.as_str(), "status" => status).increment(1);
}

pub fn backlog(unfinished: Unfinished) {
    let gauge = |name: &'static str, count: i64| {
        metrics::gauge!(name).set(f64::from(i32::try_from(count).unwrap_or(i32::MAX)));
    };
    gauge("payments_pending", unfinished.unknown);
    gauge("payments_undecided", unfinished.undecided);
    gauge("refunds_pending", unfinished.refunding);
    gauge("refunds_accepted", unfinished.accepted);
}

pub fn refund_failed() {
    metrics::counter!("refunds_failed_total").increment(1);
}
