//! A simulated process of a service. It may die at every step, and the world kills and freezes it.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    plan::Fault,
    world::{Name, World, locked},
};

/// One process of a service, from its start to its crash.
#[derive(Clone)]
pub struct Process {
    pub name: Name,
    /// Identifies the process as a leaseholder, among earlier and concurrent processes of the service.
    pub holder: Arc<str>,
    pub world: Arc<World>,
    killed: CancellationToken,
    frozen: Arc<Mutex<Option<Instant>>>,
}

impl Process {
    /// Creates a process. `life` is the number of processes started before.
    pub fn new(name: Name, life: usize, world: Arc<World>) -> Self {
        let holder = format!("{name:?} {life}").into();
        Self { name, holder, world, killed: CancellationToken::new(), frozen: Arc::default() }
    }

    /// Returns the token that kills this process when cancelled. It does not keep the world alive.
    pub fn killed(&self) -> CancellationToken {
        self.killed.clone()
    }

    pub fn freeze(&self, until: Instant) {
        *locked(&self.frozen) = Some(until);
    }

    /// Runs `work` until this process is killed.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let (process, killed) = (self.clone(), self.killed.clone());
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = killed.cancelled() => {}
                () = process.awake(work) => {}
            }
        });
    }

    /// Polls `work`, except while this process is frozen.
    async fn awake(&self, work: impl Future<Output = ()>) {
        let (mut work, mut thaw) = (pin!(work), None);
        std::future::poll_fn(|context| {
            if let Some(until) = self.frozen_until() {
                let thaw = thaw.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                std::task::ready!(thaw.as_mut().poll(context));
            }
            thaw = None;
            work.as_mut().poll(context)
        })
        .await;
    }

    /// Returns false once another process has replaced this one.
    pub fn has_its_name(&self) -> bool {
        self.world.up(self.name).is_some_and(|up| Arc::ptr_eq(&up.process.frozen, &self.frozen))
    }

    /// Kills this process. It is restarted after a while, unless another process has replaced it.
    pub fn die(&self) {
        self.killed.cancel();
        if self.has_its_name() {
            self.world.restart(self.name);
        }
    }

    fn frozen_until(&self) -> Option<Instant> {
        locked(&self.frozen).filter(|until| Instant::now() < *until)
    }

    /// Marks a moment just before or after a durable operation, at which the process may die.
    pub async fn step(&self, place: &str) {
        if self.world.strikes(Fault::CrashAtStep) && !self.killed.is_cancelled() {
            self.world.note(format_args!("{:?} dies {place}", self.name));
            self.die();
        }
        if let Some(until) = self.frozen_until() {
            tokio::time::sleep_until(until).await;
        }
        if self.killed.is_cancelled() {
            std::future::pending::<()>().await;
        }
        if self.world.strikes(Fault::Delay) {
            tokio::time::sleep(self.world.millis(1, 200)).await;
        }
    }

    /// Marks a moment between a response and the reaction to it, at which this task may pause while others continue.
    pub async fn stall(&self, place: &str) {
        if self.world.strikes(Fault::Stall) {
            let pause = self.world.millis(500, 12_000);
            self.world.note(format_args!("{:?} stands still {place} for {pause:?}", self.name));
            tokio::time::sleep(pause).await;
        }
    }
}
