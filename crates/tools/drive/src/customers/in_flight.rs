//! The operations in flight, and the gate that admits new ones.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::bail;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// A gate that admits operations while resumed, and none while paused. Initially paused.
pub struct InFlight {
    state: watch::Sender<State>,
}

#[derive(Default)]
struct State {
    open: bool,
    begun: u64,
    operations: BTreeMap<u64, Work>,
}

struct Work {
    what: String,
    begun: Instant,
    tries: u32,
    last: String,
}

/// An operation; it counts as in flight until it is dropped.
pub struct Operation {
    in_flight: Arc<InFlight>,
    number: u64,
}

impl InFlight {
    pub fn paused() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }

    pub fn resume(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    /// Waits until operations are admitted, then registers `what`.
    pub async fn begin(self: &Arc<Self>, what: impl Into<String>) -> Operation {
        let what = what.into();
        let mut state = self.state.subscribe();
        loop {
            // `wait_for` cannot fail: the sender lives as long as `self`.
            let _ = state.wait_for(|state| state.open).await.map(drop);
            if let Some(number) = self.admit(&what) {
                return Operation { in_flight: self.clone(), number };
            }
        }
    }

    fn admit(&self, what: &str) -> Option<u64> {
        let mut number = None;
        self.state.send_if_modified(|state| {
            if state.open {
                state.begun += 1;
                let work = Work { what: what.to_owned(), begun: Instant::now(), tries: 0, last: String::new() };
                state.operations.insert(state.begun, work);
                number = Some(state.begun);
            }
            false
        });
        number
    }

    /// Admits no new operation, and waits for those in flight. After `limit`, fails with the remaining operations.
    pub async fn drain(&self, limit: Duration) -> anyhow::Result<()> {
        self.state.send_modify(|state| state.open = false);
        let mut state = self.state.subscribe();
        let idle = async { state.wait_for(|state| state.operations.is_empty()).await.map(drop) };
        if timeout(limit, idle).await.is_ok() {
            return Ok(());
        }
        let rest: Vec<String> = self.state.borrow().operations.values().map(Work::to_string).collect();
        if rest.is_empty() {
            return Ok(());
        }
        bail!("{} requests have no final response after {limit:?}: {}", rest.len(), rest.join("; "))
    }
}

impl Operation {
    pub fn tried(&self, said: impl Into<String>) {
        self.in_flight.state.send_if_modified(|state| {
            if let Some(work) = state.operations.get_mut(&self.number) {
                work.tries += 1;
                work.last = said.into();
            }
            false
        });
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.in_flight.state.send_if_modified(|state| {
            state.operations.remove(&self.number);
            !state.open
        });
    }
}

impl std::fmt::Display for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, begun, tries, last } = self;
        write!(f, "{what} since {:.1} s", begun.elapsed().as_secs_f64())?;
        if *tries > 0 { write!(f, ", {tries} tries, the last: {last}") } else { write!(f, ", not answered yet") }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const DRAIN_TIMEOUT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn draining_waits_for_operations_in_flight() {
        let in_flight = Arc::new(InFlight::paused());
        in_flight.resume();
        let operation = in_flight.begin("pay").await;

        let mut draining = Box::pin(in_flight.drain(DRAIN_TIMEOUT));
        let before = draining.as_mut().now_or_never();
        let begun_meanwhile = in_flight.begin("cancel").now_or_never();
        drop(operation);
        let after = draining.await;

        assert!(before.is_none());
        assert!(begun_meanwhile.is_none());
        after.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn draining_names_the_operations_still_in_flight_after_the_timeout() {
        let in_flight = Arc::new(InFlight::paused());
        in_flight.resume();
        let operation = in_flight.begin("pay order 7").await;
        operation.tried("503 DEPENDENCY_UNAVAILABLE");

        let error = in_flight.drain(DRAIN_TIMEOUT).await.unwrap_err().to_string();

        assert!(error.contains("pay order 7 since 60.0 s, 1 tries, the last: 503 DEPENDENCY_UNAVAILABLE"), "{error}");
    }
}
