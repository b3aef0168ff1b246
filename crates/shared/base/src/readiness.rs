//! Readiness: whether a service can receive work now. The routes of `health` and the gRPC health service report it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The conditions for a service to receive work. Clones share them.
#[derive(Clone, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<Conditions>>,
    changed: Arc<watch::Sender<()>>,
    drain: Duration,
    /// The label of the gauge `service_ready`, if it is exported.
    service: Option<&'static str>,
}

/// The conditions by name and number, since several may have one name, such as the conditions of a group that reads
/// several topics.
type Conditions = BTreeMap<(&'static str, usize), Status>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Met,
    Unmet,
    /// The dependency refuses this service for this reason.
    Refused(&'static str),
}

#[derive(Clone)]
pub struct Condition {
    name: &'static str,
    number: usize,
    readiness: Readiness,
}

impl Readiness {
    /// Creates a readiness without conditions. `drain` is how long listeners stay open after the service has stopped
    /// being ready.
    pub fn new(drain: Duration) -> Self {
        Self { drain, ..Self::default() }
    }

    /// Exports the readiness, and each later change, as the gauge of `service`.
    #[must_use]
    pub fn exported(self, service: &'static str) -> Self {
        let this = Self { service: Some(service), ..self };
        this.export(&this.lock());
        this
    }

    /// The caller holds the lock, so that concurrent changes are exported in order.
    fn export(&self, conditions: &Conditions) {
        if let Some(service) = self.service {
            metrics::gauge!("service_ready", "service" => service).set(f64::from(are_met(conditions)));
        }
    }

    /// Adds an unmet condition.
    #[must_use]
    pub fn condition(&self, name: &'static str) -> Condition {
        let mut conditions = self.lock();
        let number = conditions.keys().filter(|(known, _)| *known == name).count();
        conditions.insert((name, number), Status::Unmet);
        self.export(&conditions);
        drop(conditions);
        self.changed.send_replace(());
        Condition { name, number, readiness: self.clone() }
    }

    pub fn is_ready(&self) -> bool {
        are_met(&self.lock())
    }

    pub fn missing(&self) -> Vec<&'static str> {
        let conditions = self.lock();
        let mut missing: Vec<_> =
            conditions.iter().filter(|(_, state)| **state != Status::Met).map(|((name, _), _)| *name).collect();
        missing.dedup();
        missing
    }

    /// Returns the names of the conditions that are not met, each with the reason if the dependency refuses this
    /// service.
    pub fn waiting_for(&self) -> Vec<String> {
        let text = |((name, _), state): (&(&'static str, usize), &Status)| match state {
            Status::Met => None,
            Status::Unmet => Some((*name).to_owned()),
            Status::Refused(reason) => Some(format!("{name}: {reason}")),
        };
        let mut texts: Vec<String> = self.lock().iter().filter_map(text).collect();
        texts.dedup();
        texts
    }

    pub async fn ready(&self) {
        let mut changes = self.changed.subscribe();
        while !self.is_ready() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until `stop` is cancelled, makes the service not ready, and returns after the drain, in which load
    /// balancers notice this.
    pub async fn drained(&self, stop: CancellationToken) {
        stop.cancelled().await;
        let _ = self.condition("not stopping");
        tokio::time::sleep(self.drain).await;
    }

    /// Returns how long listeners stay open after the service has stopped being ready.
    pub fn drain(&self) -> Duration {
        self.drain
    }

    /// Returns a receiver of every change from now on, including changes while the caller handles a previous one.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Conditions> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn are_met(conditions: &Conditions) -> bool {
    conditions.values().all(|state| *state == Status::Met)
}

impl Condition {
    pub fn set(&self, met: bool) {
        self.be(if met { Status::Met } else { Status::Unmet });
    }

    /// Sets the reason why the condition is not met; does nothing if it is met.
    pub fn explain(&self, reason: &'static str) {
        let is_met = self.readiness.lock().get(&(self.name, self.number)) == Some(&Status::Met);
        if !is_met {
            self.be(Status::Refused(reason));
        }
    }

    /// Marks the condition as unmet, because the dependency refuses this service.
    pub fn refuse(&self, reason: &'static str) {
        self.be(Status::Refused(reason));
    }

    /// Returns a report for `outbox::Relay::reporting`: the condition is met while the broker does not refuse the events.
    /// It stays met while the broker is unavailable, since the outbox keeps the events.
    pub fn while_accepted(self) -> impl Fn(Option<&'static str>) + Send + Sync + 'static {
        move |refusal| self.be(refusal.map_or(Status::Met, Status::Refused))
    }

    fn be(&self, state: Status) {
        let mut conditions = self.readiness.lock();
        if conditions.insert((self.name, self.number), state) == Some(state) {
            return;
        }
        self.readiness.export(&conditions);
        drop(conditions);
        if let Status::Refused(reason) = state {
            tracing::warn!(condition = self.name, met = false, reason, "readiness changed");
        } else {
            tracing::info!(condition = self.name, met = state == Status::Met, "readiness changed");
        }
        self.readiness.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_one_name_must_all_be_met() {
        let readiness = Readiness::default();
        let [one, other] = [(); 2].map(|()| readiness.condition("group"));
        assert_eq!(readiness.waiting_for(), ["group"]);

        one.set(true);
        assert_eq!((readiness.is_ready(), readiness.missing()), (false, vec!["group"]));
        other.set(true);
        assert!(readiness.is_ready());

        other.refuse("not authorised");
        one.set(true);
        assert_eq!(readiness.waiting_for(), ["group: not authorised"]);
    }
}
