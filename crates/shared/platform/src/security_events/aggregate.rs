//! Combines equal events of strangers: logs the first one at once, and the number of further ones when its window ends.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{Event, write};

/// The time for which equal events share a line.
pub(super) const WINDOW: Duration = Duration::from_mins(1);
/// The maximum number of windows for separate subjects and addresses. The events of further subjects and addresses
/// share a line that names neither.
const MAX_KEYS: usize = 256;

pub(super) static AGGREGATE: LazyLock<Aggregate> = LazyLock::new(Aggregate::default);

/// [`MAX_KEYS`] and the number of reasons bound the size.
#[derive(Default)]
pub(super) struct Aggregate {
    windows: Mutex<HashMap<Key, Window>>,
}

/// What equal events have in common: name, reason, subject and address.
type Key = (&'static str, Option<&'static str>, Option<Uuid>, Option<IpAddr>);

struct Window {
    ends: Instant,
    event: Event<'static>,
    /// The number of events that were not logged.
    unlogged: u64,
}

impl Aggregate {
    pub fn record(&'static self, mut event: Event<'static>) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if !windows.contains_key(&key(event)) && windows.len() >= MAX_KEYS {
            event = event.anonymous();
        }
        let now = Instant::now();
        match windows.get_mut(&key(event)) {
            Some(window) if window.ends > now => {
                window.unlogged += 1;
                return;
            }
            Some(window) if window.unlogged > 0 => {
                // No task has ended the window, since there was no runtime.
                let unlogged = std::mem::take(&mut window.unlogged);
                write(event, unlogged);
            }
            _ => {}
        }
        windows.insert(key(event), Window { ends: now + WINDOW, event, unlogged: 0 });
        drop(windows);
        write(event, 1);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(WINDOW).await;
                self.end(key(event));
            });
        }
    }

    fn end(&self, key: Key) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.get(&key).is_some_and(|window| window.ends > Instant::now()) {
            return;
        }
        let ended = windows.remove(&key);
        drop(windows);
        if let Some(Window { event, unlogged: unlogged @ 1.., .. }) = ended {
            write(event, unlogged);
        }
    }
}

fn key(event: Event<'_>) -> Key {
    (event.name(), event.reason(), event.user(), event.address())
}
