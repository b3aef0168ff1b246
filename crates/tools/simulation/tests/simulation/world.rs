//! The simulated world: randomness, time, history, and the running processes. `process.rs` has the behaviour of a
//! single process.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use inventory::service::InventoryService;
use order::service::OrderService;
use payment::service::PaymentService;
use platform::random::Random;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    broker::Broker,
    history::History,
    plan::{Fault, Mistake, Plan},
    process::Process,
    recording::Recording,
    shop::{self, Stores},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Order,
    Inventory,
    Payment,
    Assembly,
    Delivery,
}

impl Name {
    pub const ALL: [Self; 5] = [Self::Order, Self::Inventory, Self::Payment, Self::Assembly, Self::Delivery];
}

pub struct World {
    pub plan: Plan,
    pub stores: Stores,
    pub broker: Broker,
    rng: Mutex<StdRng>,
    healed: AtomicBool,
    history: Mutex<History>,
    pub recording: Mutex<Recording>,
    start: Instant,
    up: Mutex<BTreeMap<Name, Up>>,
    /// The number of processes ever started.
    lives: AtomicUsize,
    struck: Mutex<[usize; Fault::ALL.len()]>,
}

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
    Nothing,
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
            recording: Mutex::default(),
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

    /// Returns a source of randomness for one process, determined by the seed.
    pub fn random(&self) -> Random {
        Random::seeded(self.pick(rand::RngExt::random))
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

    pub fn strikes(&self, fault: Fault) -> bool {
        let rate = self.plan.rate(fault);
        let strikes = !self.healed() && rate > 0.0 && self.chance(rate);
        locked(&self.struck)[fault as usize] += usize::from(strikes);
        strikes
    }

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
        let process = Process::new(name, life, self.clone());
        let serves = shop::boot(&process);
        locked(&self.up).insert(name, Up { process, serves });
    }

    /// Kills the process of this name, which is restarted after a while.
    pub fn kill(self: &Arc<Self>, name: Name) {
        if let Some(up) = self.up(name) {
            up.process.die();
        }
    }

    /// Removes the process of this name, and starts another one after a while.
    pub fn restart(self: &Arc<Self>, name: Name) {
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
        up.process.freeze(Instant::now() + pause);
        if self.chance(0.5) {
            self.start(name);
            let (killed, left) = (up.process.killed(), self.millis(0, 10_000));
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
