//! Audit log: events about identities and rights, under the log target `security`, with a counter.
//!
//! docs/security-events.md describes each event. An event contains only ids and addresses that exceeded a limit: no
//! login, contact, session or token.

mod aggregate;
mod event;
#[cfg(test)]
mod tests;

pub use self::event::{AccessRefusal, ContactRefusal, Event, Revocation, TokenRefusal};
use self::{
    aggregate::{AGGREGATE, Common},
    event::{Fields, NAMES, OF_STRANGERS},
};

/// The log target of the events. `LOG_LEVEL` cannot turn it off.
pub const TARGET: &str = "security";
/// The maximum length in bytes of a path or a name in an event.
const MAX_TEXT_LENGTH: usize = 256;

/// Logs the event and counts it. Events that strangers can cause at will are logged at most once per window, with their
/// number, so that they do not displace others from the log.
pub fn record(event: Event<'_>) {
    let fields = event.fields();
    metrics::counter!("security_events_total", "event" => fields.name).increment(1);
    if OF_STRANGERS.contains(&fields.name) {
        AGGREGATE.record(Common::of(&fields));
    } else {
        write(&fields, 1);
    }
}

fn write(fields: &Fields<'_>, count: u64) {
    tracing::info!(
        target: TARGET,
        event = fields.name,
        user_uuid = fields.user.map(tracing::field::display),
        reason = fields.reason,
        path = cut(fields.path),
        of_uuid = fields.of.map(tracing::field::display),
        of_name = cut(fields.of_name),
        author = fields.author,
        address = fields.address.map(tracing::field::display),
        count = (count > 1).then_some(count),
        "security event"
    );
}

fn cut(text: Option<&str>) -> Option<&str> {
    text.map(|text| &text[..text.floor_char_boundary(MAX_TEXT_LENGTH)])
}

/// Exports the counters with the value 0. Otherwise a series would begin with its first increment, which `rate()` would
/// miss.
pub fn count_from_zero() {
    for name in NAMES {
        metrics::counter!("security_events_total", "event" => *name).increment(0);
    }
}
