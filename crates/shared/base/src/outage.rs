//! Logs an outage of a dependency once when it begins and once when it ends, however many errors occur in between.

use std::{
    collections::BTreeMap,
    fmt,
    panic::Location,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::retry;

/// An outage ends after this time without an error. librdkafka reports a lasting error at least twice a minute.
const RECOVERED_AFTER: Duration = Duration::from_mins(1);

pub struct Outage {
    dependency: &'static str,
    task: String,
    current: Option<Current>,
}

struct Current {
    begun: Instant,
    last: Instant,
    errors: u64,
    backoff: backon::ExponentialBackoff,
}

impl Outage {
    /// Creates the state without an outage. The log calls the unavailable system `dependency`, and the task that needs
    /// it `task`.
    pub fn new(dependency: &'static str, task: impl Into<String>) -> Self {
        Self { dependency, task: task.into(), current: None }
    }

    /// Logs the first error of an outage as a warning, later ones at debug level.
    pub fn met(&mut self, error: impl fmt::Display) {
        let (dependency, task) = (self.dependency, &self.task);
        let now = Instant::now();
        if let Some(current) = &mut self.current {
            current.last = now;
            current.errors += 1;
            tracing::debug!(task, %error, "{dependency} still unavailable, retrying");
        } else {
            self.current = Some(Current { begun: now, last: now, errors: 1, backoff: retry::endless_backoff() });
            tracing::warn!(task, %error, "{dependency} unavailable, retrying");
        }
    }

    pub fn over(&mut self) {
        if let Some(Current { begun, last, errors, .. }) = self.current.take() {
            tracing::info!(task = self.task, lasted = ?(last - begun), errors, "{} recovered", self.dependency);
        }
    }

    /// Returns the delay before the next attempt. The delays grow during an outage, and begin anew with the next
    /// outage.
    pub fn backoff(&mut self) -> Duration {
        self.current.as_mut().and_then(|current| current.backoff.next()).unwrap_or_default()
    }

    /// Returns once there has been no error for a minute. Never returns if there is no outage. For tasks that see no
    /// other sign of a success.
    pub async fn subsided(&self) {
        match &self.current {
            Some(current) => tokio::time::sleep_until(current.last + RECOVERED_AFTER).await,
            None => std::future::pending().await,
        }
    }
}

/// Refusals end after this time without one.
const REFUSED_UNTIL: Duration = Duration::from_secs(10);
/// The time between two log lines about refusals that continue.
const STILL_REFUSED_EVERY: Duration = Duration::from_mins(1);

/// Refusals that one place in the code logs.
struct Refusals {
    begun: Instant,
    last: Instant,
    logged: Instant,
    count: u64,
}

/// The refusals that continue, by the place that logs them.
static REFUSALS: Mutex<BTreeMap<&'static Location<'static>, Refusals>> = Mutex::new(BTreeMap::new());

fn refusals() -> MutexGuard<'static, BTreeMap<&'static Location<'static>, Refusals>> {
    REFUSALS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Logs that a request is refused because a dependency is unavailable. The first refusal of the calling place is a
/// warning `what`, later ones are logged at debug level and counted each minute and at the end.
#[track_caller]
pub fn refused(what: &'static str, error: impl fmt::Display) {
    let (place, now) = (Location::caller(), Instant::now());
    let mut all = refusals();
    let Some(current) = all.get_mut(place) else {
        // Without a runtime no task can log the end.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            all.insert(place, Refusals { begun: now, last: now, logged: now, count: 1 });
            runtime.spawn(end_of_refusals(what, place));
        }
        drop(all);
        return tracing::warn!(%error, "{what}");
    };
    current.last = now;
    current.count += 1;
    let count = current.count;
    let is_logged = now - current.logged >= STILL_REFUSED_EVERY;
    if is_logged {
        current.logged = now;
    }
    drop(all);
    if is_logged {
        tracing::warn!(%error, count, "{what}, still");
    } else {
        tracing::debug!(%error, count, "{what}, still");
    }
}

async fn end_of_refusals(what: &'static str, place: &'static Location<'static>) {
    loop {
        let Some(last) = refusals().get(place).map(|current| current.last) else { return };
        sleep_until(last + REFUSED_UNTIL).await;
        let mut all = refusals();
        if all.get(place).is_some_and(|current| current.last == last)
            && let Some(Refusals { begun, last, count, .. }) = all.remove(place)
        {
            drop(all);
            return tracing::info!(lasted = ?(last - begun), count, "{what}: no more");
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn the_backoff_grows_during_an_outage_and_begins_anew_with_the_next() {
        let mut outage = Outage::new("the broker", "notes");
        let mut delays = || -> Vec<Duration> {
            outage.met("no response");
            let delays = (0..8).map(|_| outage.backoff()).collect();
            outage.over();
            delays
        };

        for delays in [delays(), delays()] {
            assert!(delays[0] <= Duration::from_millis(200) && delays[7] >= Duration::from_secs(5), "{delays:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_logged_when_they_begin_each_minute_and_when_they_are_over() {
        let log = crate::memory_log::MemoryLog::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time().with_target(false);
        let _guard = crate::memory_log::subscribe(subscriber.with_writer(move || written.clone()).finish());

        for (refusals, wait) in [(7_000, 20), (1, 0)] {
            for _ in 0..refusals {
                refused("dependency unavailable", "no response");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }

        let lines: Vec<String> = log.text().lines().map(|line| line.trim().to_owned()).collect();
        let [begun, still, over, again] = &lines[..] else { panic!("{lines:#?}") };
        assert_eq!([begun, again], ["WARN dependency unavailable error=no response"; 2]);
        assert!(still.starts_with("WARN dependency unavailable, still error=no response count=6"), "{still}");
        assert!(over.starts_with("INFO dependency unavailable: no more lasted="), "{over}");
        assert!(over.ends_with("count=7000"), "{over}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_subsides_a_minute_after_its_last_error() {
        let mut outage = Outage::new("the broker", "notes");
        assert_eq!(outage.subsided().now_or_never(), None);

        outage.met("no response");
        tokio::time::advance(Duration::from_secs(59)).await;
        outage.met("no response");
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(outage.subsided().now_or_never(), None);
        tokio::time::advance(Duration::from_secs(1)).await;

        assert_eq!(outage.subsided().now_or_never(), Some(()));
    }
}
