//! The simulated world: randomness, time, history, and the processes that start and die in it.

use std::{
    collections::BTreeMap,
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use customers::service::CustomerService;
use intake::service::IntakeService;
use inventory::service::InventoryService;
use order::service::OrderService;
use payment::service::PaymentService;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    broker::Broker,
    history::History,
    plan::{Fault, Mistake, Plan},
    shop::{self, Stores},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Order,
    Inventory,
    Payment,
    Assembly,
    Notification,
    Delivery,
    Customers,
    Intake,
}

impl Name {
    pub const ALL: [Self; 8] = [
        Self::Order,
        Self::Inventory,
        Self::Payment,
        Self::Assembly,
        Self::Notification,
        Self::Delivery,
        Self::Customers,
        Self::Intake,
    ];
}

pub struct World {
    pub plan: Plan,
    pub stores: Stores,
    pub broker: Broker,
    rng: Mutex<StdRng>,
    healed: AtomicBool,
    history: Mutex<History>,
    start: Instant,
    up: Mutex<BTreeMap<Name, Up>>,
    /// The number of processes that were ever started.
    lives: AtomicUsize,
    /// How often each fault has happened.
    struck: Mutex<[usize; Fault::ALL.len()]>,
}

/// A running process, and the service that it runs.
#[derive(Clone)]
pub struct Up {
    pub process: Process,
    pub serves: Serves,
}

#[derive(Clone)]
pub enum Serves {
    Orders(OrderService, order::service::DeliveryService),
    Stock(InventoryService),
    Payments(PaymentService),
    Customers(CustomerService),
    Intake(IntakeService),
    Nobody,
}

/// One process of a service, from its start to its crash.
#[derive(Clone)]
pub struct Process {
    pub name: Name,
    /// Identifies the process as a holder of leases, among earlier and concurrent processes of the service.
    pub holder: Arc<str>,
    pub world: Arc<World>,
    killed: CancellationToken,
    frozen: Arc<Mutex<Option<Instant>>>,
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub fn new(plan: Plan, verbose: bool) -> Arc<Self> {
        let mut rng = StdRng::seed_from_u64(plan.seed ^ 0x5eed);
        let stores = Stores::new(&mut rng, plan.scarce);
        Arc::new(Self {
            plan,
            stores,
            broker: Broker::default(),
            rng: Mutex::new(rng),
            healed: AtomicBool::new(false),
            history: Mutex::new(History::new(verbose)),
            start: Instant::now(),
            up: Mutex::default(),
            lives: AtomicUsize::new(0),
            struck: Mutex::default(),
        })
    }

    pub fn note(&self, what: fmt::Arguments<'_>) {
        locked(&self.history).add(self.start.elapsed(), what);
    }

    pub fn history(&self) -> History {
        locked(&self.history).clone()
    }

    pub fn pick<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut locked(&self.rng))
    }

    pub fn chance(&self, rate: f64) -> bool {
        self.pick(|rng| rng.random_bool(rate))
    }

    pub fn uuid(&self) -> Uuid {
        self.pick(|rng| uuid::Builder::from_u128(rng.random()).with_version(uuid::Version::Random).into_uuid())
    }

    pub fn millis(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.pick(|rng| rng.random_range(from..=to)))
    }

    /// Decides at random whether this fault happens now.
    pub fn strikes(&self, fault: Fault) -> bool {
        let rate = self.plan.rate(fault);
        let strikes = !self.healed() && rate > 0.0 && self.chance(rate);
        locked(&self.struck)[fault as usize] += usize::from(strikes);
        strikes
    }

    /// Returns how often each fault has happened, in the order of `Fault::ALL`.
    pub fn struck(&self) -> [usize; Fault::ALL.len()] {
        *locked(&self.struck)
    }

    pub fn makes(&self, mistake: Mistake) -> bool {
        self.plan.mistake == Some(mistake)
    }

    pub fn healed(&self) -> bool {
        self.healed.load(Ordering::Relaxed)
    }

    pub fn heal(&self) {
        self.note(format_args!("all is well from now on"));
        self.healed.store(true, Ordering::Relaxed);
    }

    /// Waits for the network's latency.
    pub async fn travel(&self) {
        let time = if self.strikes(Fault::Delay) { self.millis(50, 3000) } else { self.millis(0, 4) };
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    }

    pub fn up(&self, name: Name) -> Option<Up> {
        locked(&self.up).get(&name).cloned()
    }

    pub fn start(self: &Arc<Self>, name: Name) {
        self.note(format_args!("{name:?} starts"));
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        let process = Process {
            name,
            holder: format!("{name:?} {life}").into(),
            world: self.clone(),
            killed: CancellationToken::new(),
            frozen: Arc::default(),
        };
        let serves = shop::boot(&process);
        locked(&self.up).insert(name, Up { process, serves });
    }

    /// Kills the process of this name. It is restarted after a while.
    pub fn kill(self: &Arc<Self>, name: Name) {
        if let Some(up) = self.up(name) {
            up.process.die();
        }
    }

    fn restart(self: &Arc<Self>, name: Name) {
        locked(&self.up).remove(&name);
        let (world, pause) = (self.clone(), self.millis(10, 6000));
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            world.start(name);
        });
    }

    /// Freezes the process of this name for a while. Another one may be started in its place.
    pub fn freeze(self: &Arc<Self>, name: Name) {
        let Some(up) = self.up(name) else { return };
        let pause = self.millis(500, 30_000);
        *locked(&up.process.frozen) = Some(Instant::now() + pause);
        if self.chance(0.5) {
            self.start(name);
            let (killed, left) = (up.process.killed, self.millis(0, 10_000));
            tokio::spawn(async move {
                tokio::time::sleep(pause + left).await;
                killed.cancel();
            });
        }
    }

    /// Drops all processes, which hold references to the world.
    pub fn end(&self) {
        let all = std::mem::take(&mut *locked(&self.up));
        drop(all);
    }
}

impl Process {
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

    /// Returns false once another process was started in its place.
    pub fn has_its_name(&self) -> bool {
        self.world.up(self.name).is_some_and(|up| Arc::ptr_eq(&up.process.frozen, &self.frozen))
    }

    /// Kills this process. It is restarted after a while, unless another one has taken its place.
    fn die(&self) {
        self.killed.cancel();
        if self.has_its_name() {
            self.world.restart(self.name);
        }
    }

    fn frozen_until(&self) -> Option<Instant> {
        locked(&self.frozen).filter(|until| Instant::now() < *until)
    }

    /// Marks a moment right before or after a durable operation, at which the process may die.
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

    /// Marks a moment between an answer and the reaction to it, at which one task may pause while the others continue.
    pub async fn stall(&self, place: &str) {
        if self.world.strikes(Fault::Stall) {
            let pause = self.world.millis(500, 12_000);
            self.world.note(format_args!("{:?} stands still {place} for {pause:?}", self.name));
            tokio::time::sleep(pause).await;
        }
    }
}
