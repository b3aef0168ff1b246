//! The shop: its stores, which outlive every process, and the construction of each service from them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use assembly::{model::BuildTimes, repository::MemoryBuilds, service::AssemblyService};
use audit::facts::Acknowledged;
use contracts::{events::topics_of, ids::PartId, money::Money};
use delivery::{client::MemoryGeo, repository::MemoryRepository};
use inventory::{
    model::{Category, Dimensions, Manufacturer, NewPart},
    repository::MemoryInventory,
    service::InventoryService,
};
use order::{
    client::{Clients, MemoryDelivery, MemoryUsers},
    repository::{MemoryOrders, Repositories},
    service::{DeliveryService, OrderService},
};
use outbox::{Lease, MemoryLease, MemoryOutbox, Relay, Waker, inbox::MemoryInbox};
use payment::{
    client::{Declines, MemoryProvider, Providers},
    model::Intent,
    repository::MemoryPayments,
    service::PaymentService,
};
use platform::jobs::Job;
use rand::{RngExt as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    broker::{SimulatedPublisher, consume},
    deliveries,
    peers::{RemoteInventory, RemoteOrders, RemotePayments, RemoteProvider},
    process::Process,
    steps::Steps,
    world::{Name, Serves, locked},
};

/// The initial balance of a user for `INVESTOR_MONEY`, in minor units.
pub const INITIAL_BALANCE: i64 = 20_000;

pub struct Stores {
    pub orders: MemoryOrders,
    pub inventory: MemoryInventory,
    pub payments: MemoryPayments,
    pub builds: MemoryBuilds,
    pub books: MemoryProvider,
    pub deliveries: MemoryRepository,
    pub geo: MemoryGeo,
    /// The charge requests that payment was about to make, by transaction. Some may not have reached the provider.
    pub charge_requests: Mutex<BTreeMap<Uuid, Intent>>,
    /// Stock that was reserved although it was unavailable.
    pub lent: Mutex<BTreeMap<Uuid, i64>>,
    pub acknowledged: Mutex<Vec<Acknowledged>>,
    /// Responses that no user should have received.
    pub problems: Mutex<Vec<String>>,
    pub parts: Vec<NewPart>,
    pub pay_within: Duration,
    reservation: Duration,
    failure_rate: f64,
    leases: Mutex<BTreeMap<&'static str, MemoryLease>>,
}

impl Stores {
    pub fn new(rng: &mut StdRng, scarce: bool) -> Self {
        let rate = if rng.random_bool(0.5) { 0.2 } else { 0.0 };
        let stock = if scarce { [1, 1, 0, 0] } else { [1, rng.random_range(1..=4), rng.random_range(3..=10), 1000] };
        Self {
            orders: MemoryOrders::default(),
            inventory: MemoryInventory::default(),
            payments: MemoryPayments::default(),
            builds: MemoryBuilds::default(),
            books: MemoryProvider::new(
                Money::from_minor(INITIAL_BALANCE).expect("money"),
                Declines { rate, above: None },
            ),
            deliveries: MemoryRepository::default(),
            geo: deliveries::geo(),
            charge_requests: Mutex::default(),
            lent: Mutex::default(),
            acknowledged: Mutex::default(),
            problems: Mutex::default(),
            parts: (1..).zip(stock).map(|(number, stock)| part(number, stock)).collect(),
            pay_within: Duration::from_secs(if scarce { 60 } else { rng.random_range(3..=40) }),
            reservation: Duration::from_secs(if scarce { rng.random_range(1..=3) } else { rng.random_range(5..=30) }),
            failure_rate: if scarce {
                0.9
            } else if rng.random_bool(0.5) {
                0.25
            } else {
                0.0
            },
            leases: Mutex::default(),
        }
    }

    pub fn outboxes(&self) -> [(&'static str, &MemoryOutbox); 4] {
        [
            ("order", &self.orders.outbox),
            ("payment", &self.payments.outbox),
            ("assembly", &self.builds.outbox),
            ("delivery", &self.deliveries.outbox),
        ]
    }

    /// Returns the inbox of a service; `None` if the service is not simulated.
    pub fn inbox(&self, service: &str) -> Option<&MemoryInbox> {
        match service {
            "order" => Some(&self.orders.inbox),
            "inventory" => Some(&self.inventory.inbox),
            "payment" => Some(&self.payments.inbox),
            "assembly" => Some(&self.builds.inbox),
            "delivery" => Some(&self.deliveries.inbox),
            _ => None,
        }
    }
}

fn part(number: u128, stock: i64) -> NewPart {
    NewPart {
        id: PartId::new(Uuid::from_u128(number)),
        name: format!("part {number}"),
        description: String::new(),
        price: Money::from_minor(1000 + i64::from(u8::try_from(number).unwrap_or_default())).expect("money"),
        stock,
        category: Category::Engine,
        dimensions: Dimensions::default(),
        manufacturer: Manufacturer::default(),
        tags: Vec::new(),
        metadata: BTreeMap::new(),
    }
}

/// Starts a service: every job of its `jobs::all` and every subscription of its `consumers::all`.
pub fn boot(process: &Process) -> Serves {
    match process.name {
        Name::Order => orders(process),
        Name::Inventory => stock(process),
        Name::Payment => payments(process),
        Name::Assembly => ships(process),
        Name::Delivery => deliveries::boot(process),
    }
}

pub fn steps<T: Clone>(process: &Process, twin: &T) -> Arc<Steps<T>> {
    Arc::new(Steps { process: process.clone(), twin: twin.clone() })
}

/// Returns a function that creates the process's own handle on a named lease, for which processes compete.
pub fn leases(process: &Process) -> impl Fn(&'static str) -> Arc<dyn Lease> {
    let process = process.clone();
    move |name| {
        let mut leases = locked(&process.world.stores.leases);
        Arc::new(leases.entry(name).or_insert_with(|| MemoryLease::new(name)).rival(process.holder.clone()))
    }
}

/// Runs a loop of a service, which must not end before its process.
fn keep(process: &Process, work: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
    process.spawn(async move {
        let _ = work.await;
    });
}

pub fn run_jobs(process: &Process, jobs: impl IntoIterator<Item = Job>) {
    for job in jobs {
        keep(process, job.run(CancellationToken::new()));
    }
}

pub fn relay(process: &Process, outbox: &MemoryOutbox, waker: &Waker, producer: &str) {
    let publisher = Arc::new(SimulatedPublisher(process.clone()));
    let relay = Relay::new(
        "simulated",
        steps(process, &outbox.rival(process.holder.clone())),
        publisher,
        topics_of(producer, &process.world.broker.topics),
        waker,
    );
    keep(process, relay.run(CancellationToken::new()));
}

fn orders(process: &Process) -> Serves {
    let (stores, waker) = (&process.world.stores, Waker::default());
    let clients = Clients {
        inventory: Arc::new(RemoteInventory(process.clone())),
        payments: Arc::new(RemotePayments(process.clone())),
        // No simulated user names its buyer by login.
        users: Arc::new(MemoryUsers::default()),
    };
    let repository = steps(process, &stores.orders);
    let repositories = Repositories::new(repository.clone());
    // No simulated user asks for the position of its ship.
    let deliveries = DeliveryService::new(repository, Arc::new(MemoryDelivery::default()));
    let service = OrderService::new(repositories, clients, waker.clone(), stores.pay_within);
    relay(process, &stores.orders.outbox, &waker, "order");
    run_jobs(process, order::jobs::all(&service, leases(process)));
    consume(process, order::consumers::all(&service, &deliveries));
    Serves::Orders(service, deliveries)
}

fn stock(process: &Process) -> Serves {
    let stores = &process.world.stores;
    let catalogue = Arc::new(stores.inventory.clone());
    let orders = Arc::new(RemoteOrders(process.clone()));
    let service = InventoryService::new(catalogue, steps(process, &stores.inventory), orders, stores.reservation);
    run_jobs(process, inventory::jobs::all(&service, leases(process)));
    consume(process, inventory::consumers::all(&service));
    Serves::Stock(service)
}

fn payments(process: &Process) -> Serves {
    let (stores, waker) = (&process.world.stores, Waker::default());
    let provider = RemoteProvider { process: process.clone(), books: stores.books.clone() };
    let providers = Providers::new(Arc::new(provider), None);
    let payments = steps(process, &stores.payments);
    let service = PaymentService::new(payments, providers, waker.clone());
    relay(process, &stores.payments.outbox, &waker, "payment");
    run_jobs(process, payment::jobs::all(&service));
    consume(process, payment::consumers::all(&service));
    Serves::Payments(service)
}

fn ships(process: &Process) -> Serves {
    let (stores, waker) = (&process.world.stores, Waker::default());
    let service = AssemblyService::new(steps(process, &stores.builds), waker.clone());
    relay(process, &stores.builds.outbox, &waker, "assembly");
    run_jobs(process, assembly::jobs::all(&service));
    let times =
        BuildTimes { min: Duration::from_secs(2), max: Duration::from_secs(10), failure_rate: stores.failure_rate };
    consume(process, assembly::consumers::all(&service, times, process.world.random()));
    Serves::Nothing
}

impl Serves {
    pub fn orders(self) -> Option<OrderService> {
        if let Self::Orders(service, _) = self { Some(service) } else { None }
    }

    pub fn destinations(self) -> Option<DeliveryService> {
        if let Self::Orders(_, service) = self { Some(service) } else { None }
    }

    pub fn stock(self) -> Option<InventoryService> {
        if let Self::Stock(service) = self { Some(service) } else { None }
    }

    pub fn payments(self) -> Option<PaymentService> {
        if let Self::Payments(service) = self { Some(service) } else { None }
    }
}
