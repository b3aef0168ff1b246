//! Who may begin something, and what is in hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::bail;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// Open, everybody may begin; closed, nobody. It is closed at first.
pub struct Gate {
    state: watch::Sender<State>,
}

#[derive(Default)]
struct State {
    open: bool,
    begun: u64,
    in_hand: BTreeMap<u64, Work>,
}

struct Work {
    what: String,
    begun: Instant,
    tries: u32,
    last: String,
}

/// Something in hand, until it is dropped.
pub struct Ticket {
    gate: Arc<Gate>,
    number: u64,
}

impl Gate {
    pub fn closed() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }

    pub fn open(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    /// Waits until the gate is open, and takes `what` in hand.
    pub async fn enter(self: &Arc<Self>, what: impl Into<String>) -> Ticket {
        let what = what.into();
        let mut state = self.state.subscribe();
        loop {
            // The sender lives as long as the gate, so this waits and does not fail.
            let _ = state.wait_for(|state| state.open).await.map(drop);
            if let Some(number) = self.admit(&what) {
                return Ticket { gate: self.clone(), number };
            }
        }
    }

    fn admit(&self, what: &str) -> Option<u64> {
        let mut number = None;
        self.state.send_if_modified(|state| {
            if state.open {
                state.begun += 1;
                let work = Work { what: what.to_owned(), begun: Instant::now(), tries: 0, last: String::new() };
                state.in_hand.insert(state.begun, work);
                number = Some(state.begun);
            }
            false
        });
        number
    }

    /// Lets nobody in any more, and waits until nothing is in hand. Fails after `patience` with what still is.
    pub async fn close(&self, patience: Duration) -> anyhow::Result<()> {
        self.state.send_modify(|state| state.open = false);
        let mut state = self.state.subscribe();
        let idle = async { state.wait_for(|state| state.in_hand.is_empty()).await.map(drop) };
        if timeout(patience, idle).await.is_ok() {
            return Ok(());
        }
        let rest: Vec<String> = self.state.borrow().in_hand.values().map(Work::to_string).collect();
        if rest.is_empty() {
            return Ok(());
        }
        bail!("{} requests have no final answer after {patience:?}: {}", rest.len(), rest.join("; "))
    }
}

impl Ticket {
    /// Notes how a try ended.
    pub fn tried(&self, said: impl Into<String>) {
        self.gate.state.send_if_modified(|state| {
            if let Some(work) = state.in_hand.get_mut(&self.number) {
                work.tries += 1;
                work.last = said.into();
            }
            false
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.state.send_if_modified(|state| {
            state.in_hand.remove(&self.number);
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

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn closing_waits_for_what_is_in_hand() {
        let gate = Arc::new(Gate::closed());
        gate.open();
        let ticket = gate.enter("pay").await;

        let mut closing = Box::pin(gate.close(LONG));
        let before = closing.as_mut().now_or_never();
        let entered_meanwhile = gate.enter("cancel").now_or_never();
        drop(ticket);
        let after = closing.await;

        assert!(before.is_none());
        assert!(entered_meanwhile.is_none());
        after.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn closing_names_what_is_still_in_hand_when_patience_ends() {
        let gate = Arc::new(Gate::closed());
        gate.open();
        let ticket = gate.enter("pay order 7").await;
        ticket.tried("503 DEPENDENCY_UNAVAILABLE");

        let error = gate.close(LONG).await.unwrap_err().to_string();

        assert!(error.contains("pay order 7 since 60.0 s, 1 tries, the last: 503 DEPENDENCY_UNAVAILABLE"), "{error}");
    }

    #[tokio::test]
    async fn who_waits_at_a_closed_gate_enters_when_it_opens() {
        let gate = Arc::new(Gate::closed());

        let mut entering = Box::pin(gate.enter("create"));
        let before = entering.as_mut().now_or_never().is_some();
        gate.open();
        let ticket = entering.await;

        assert!(!before);
        drop(ticket);
    }
}
