//! Audit log: events about identities and rights, under the log target `security`, with a counter. Equal events of
//! strangers are combined: the first one is logged at once, and the number of further ones when its window ends.
//!
//! docs/security-events.md describes each event. An event contains only ids and addresses that exceeded a limit: no
//! login, contact, session or token.

mod event;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use self::event::{Fields, NAMES, OF_STRANGERS};

pub use self::event::{AccessRefusal, ContactRefusal, Event, Revocation, TokenRefusal};

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

/// Equal events share a line for this long.
const WINDOW: Duration = Duration::from_mins(1);
/// The maximum number of windows for separate users and addresses. The events of further users and addresses share a
/// line that names neither.
const MAX_KEYS: usize = 256;

static AGGREGATE: LazyLock<Aggregate> = LazyLock::new(Aggregate::default);

/// [`MAX_KEYS`] and the number of reasons bound the size.
#[derive(Default)]
struct Aggregate {
    windows: Mutex<HashMap<Common, Window>>,
}

/// The fields of an event of strangers, which equal events have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Common {
    name: &'static str,
    reason: Option<&'static str>,
    user: Option<Uuid>,
    address: Option<IpAddr>,
}

struct Window {
    ends: Instant,
    /// The number of events that were not logged.
    unlogged: u64,
}

impl Common {
    pub fn of(fields: &Fields<'_>) -> Self {
        Self { name: fields.name, reason: fields.reason, user: fields.user, address: fields.address }
    }

    /// Removes the user and the address.
    fn anonymous(self) -> Self {
        Self { user: None, address: self.address.map(|_| Ipv4Addr::UNSPECIFIED.into()), ..self }
    }

    fn write(self, count: u64) {
        let Self { name, reason, user, address } = self;
        write(&Fields { name, user, reason, address, ..Fields::default() }, count);
    }
}

impl Aggregate {
    pub fn record(&'static self, mut event: Common) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if !windows.contains_key(&event) && windows.len() >= MAX_KEYS {
            event = event.anonymous();
        }
        let now = Instant::now();
        match windows.get_mut(&event) {
            Some(window) if window.ends > now => {
                window.unlogged += 1;
                return;
            }
            // No task has ended the window, since there was no runtime.
            Some(window) if window.unlogged > 0 => event.write(window.unlogged),
            _ => {}
        }
        windows.insert(event, Window { ends: now + WINDOW, unlogged: 0 });
        drop(windows);
        event.write(1);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(WINDOW).await;
                self.end(event);
            });
        }
    }

    fn end(&self, event: Common) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.get(&event).is_some_and(|window| window.ends > Instant::now()) {
            return;
        }
        let ended = windows.remove(&event);
        drop(windows);
        if let Some(Window { unlogged: unlogged @ 1.., .. }) = ended {
            event.write(unlogged);
        }
    }
}
