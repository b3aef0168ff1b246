//! Audit log: events about identities and rights, under the log target `security`, with a counter.
//!
//! docs/security-events.md describes each event. An event contains only ids and addresses that exceeded a limit: no
//! login, contact, session or token.

mod aggregate;
mod event;
mod reasons;
#[cfg(test)]
mod tests;

use self::{aggregate::AGGREGATE, event::NAMES};
pub use self::{
    event::Event,
    reasons::{AccessRefusal, ContactRefusal, Revocation, TokenRefusal},
};

/// The log target of the events. `LOG_LEVEL` cannot turn it off.
pub const TARGET: &str = "security";

/// Logs the event and counts it. Events that strangers can cause at will are logged at most once per window, with their
/// number, so that they do not displace others from the log.
pub fn record(event: Event<'_>) {
    metrics::counter!("security_events_total", "event" => event.name()).increment(1);
    match event.of_strangers() {
        Some(event) => AGGREGATE.record(event),
        None => write(event, 1),
    }
}

fn write(event: Event<'_>, count: u64) {
    tracing::info!(
        target: TARGET,
        event = event.name(),
        user_uuid = event.user().map(tracing::field::display),
        reason = event.reason(),
        path = event.path(),
        of_uuid = event.of().map(tracing::field::display),
        of_name = event.of_name(),
        author = event.author(),
        address = event.address().map(tracing::field::display),
        count = (count > 1).then_some(count),
        "security event"
    );
}

/// Exports the counters with the value 0. Otherwise a series would begin with its first increment, which `rate()` would
/// miss.
pub fn count_from_zero() {
    for name in NAMES {
        metrics::counter!("security_events_total", "event" => name).increment(0);
    }
}
