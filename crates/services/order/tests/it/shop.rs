//! A shop: an order service over in-memory implementations.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use contracts::ids::{OrderId, PartId, UserId};
use contracts::money::Money;
use order::{
    api::{self, Api},
    client::{Clients, Inventory, MemoryDelivery, MemoryInventory, MemoryPayments, MemoryUsers, Payments},
    model::{Claim, NewOrder, Order, RequestOutcome},
    repository::{Attempts, Deliveries, IdempotencyKeys, MemoryOrders, Orders, Repositories},
    service::{DeliveryService, OrderService},
};
use outbox::Waker;
use platform::{
    auth::{Guard, ServiceKey, Sessions},
    server::readiness::Readiness,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::ids;

/// An unpaid order is cancelled after this duration.
pub const PAY_WITHIN: Duration = Duration::from_mins(15);
/// The maximum number of parts of an order that is delivered.
pub const MAX_VOLUME: usize = 4;

pub struct Shop {
    pub orders: MemoryOrders,
    pub inventory: MemoryInventory,
    pub payments: MemoryPayments,
    pub delivery: MemoryDelivery,
    pub service: OrderService,
    pub user: UserId,
    /// A part that costs 100.00, with a stock of ten units.
    pub engine: PartId,
}

impl Shop {
    pub fn open() -> Self {
        let orders = MemoryOrders::default();
        let (inventory, payments) = (MemoryInventory::default(), MemoryPayments::default());
        let service = service(orders.clone(), &inventory, &payments);
        let engine = ids::part();
        inventory.put(engine, Money::from_minor(10_000).unwrap(), 10);
        let delivery = MemoryDelivery::default();
        Self { orders, inventory, payments, delivery, service, user: ids::user(), engine }
    }

    /// Creates an order of one engine.
    pub async fn order(&self) -> OrderId {
        self.create(NewOrder::new(ids::order(), self.user, vec![self.engine])).await
    }

    pub async fn create(&self, order: NewOrder) -> OrderId {
        match self.service.create(order.user, order, None).await.unwrap() {
            RequestOutcome::Created { order, .. } => order,
            other => panic!("created an order and got {other:?}"),
        }
    }

    /// Returns the claim of a new request of the user. All its claims are on one key.
    pub fn claim(&self) -> Claim {
        Claim { user: self.user, key: "key".to_owned(), fingerprint: vec![1], token: ids::random() }
    }

    pub async fn reconcile(&self, time: Duration) {
        let stop = CancellationToken::new();
        let stopped = async {
            tokio::time::sleep(time).await;
            stop.cancel();
        };
        let (reconciled, ()) = tokio::join!(self.service.reconcile_payments(stop.clone()), stopped);
        reconciled.unwrap();
    }

    /// Returns a replica of the service, over the same orders and with these clients.
    pub fn replica(&self, inventory: impl Inventory + 'static, payments: impl Payments + 'static) -> OrderService {
        let repositories = Repositories::new(Arc::new(self.orders.clone()));
        OrderService::new(repositories, clients(inventory, payments), Waker::default(), PAY_WITHIN)
    }

    pub fn deliveries(&self) -> DeliveryService {
        deliveries(self.orders.clone(), &self.delivery)
    }

    pub fn api(&self) -> Api {
        Api { service: self.service.clone(), deliveries: self.deliveries() }
    }

    pub async fn find(&self, order: OrderId) -> Order {
        self.service.find(self.user, order).await.unwrap()
    }

    /// Returns the types of an order's events, in the order in which they were written.
    pub fn events(&self, order: OrderId) -> Vec<&'static str> {
        let events = self.orders.outbox.events();
        events.iter().filter(|(event, _)| event.key == order.uuid()).map(|(event, _)| event.kind).collect()
    }
}

pub fn service<R>(repository: R, inventory: &MemoryInventory, payments: &MemoryPayments) -> OrderService
where
    R: Orders + Attempts + IdempotencyKeys + 'static,
{
    let clients = clients(inventory.clone(), payments.clone());
    let repositories = Repositories::new(Arc::new(repository));
    OrderService::new(repositories, clients, Waker::default(), PAY_WITHIN).with_max_volume(MAX_VOLUME)
}

/// Returns these clients, and a client of an iam without users.
pub fn clients(inventory: impl Inventory + 'static, payments: impl Payments + 'static) -> Clients {
    Clients { inventory: Arc::new(inventory), payments: Arc::new(payments), users: Arc::new(MemoryUsers::default()) }
}

pub fn deliveries<R>(repository: R, delivery: &MemoryDelivery) -> DeliveryService
where
    R: Orders + Deliveries + 'static,
{
    DeliveryService::new(Arc::new(repository), Arc::new(delivery.clone()))
}

/// Returns the router of the API, which admits the users of these sessions.
pub fn router(state: Api, sessions: Arc<dyn Sessions>, slots: usize) -> Router {
    let key = ServiceKey::new("order", &testkit::SERVICE_KEY.into()).unwrap();
    let guard = Guard::new(sessions, key, &api::RULES);
    api::router(state, guard, Readiness::default(), slots, "http://shop/console/")
}

/// Serves the router on a free port. Returns its address.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(platform::http::serve(listener, router, Readiness::default(), CancellationToken::new()));
    address
}

/// Starts a server that accepts connections and never responds. Returns its address.
pub async fn hung() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.push(connection);
        }
    });
    address
}
