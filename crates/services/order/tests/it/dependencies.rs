//! Tests that other requests are served while inventory or payment hangs or is unavailable.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use contracts::ids::{OrderId, PartId, UserId};
use contracts::money::Money;
use contracts::proto::payment::v1::{
    PayOrderRequest, PayOrderResponse, PaymentMethod as Method,
    payment_service_server::{PaymentService, PaymentServiceServer},
};
use order::{
    api::{self, Api},
    client::{
        Clients, GrpcInventory, GrpcPayments, Inventory, MemoryDelivery, MemoryInventory, MemoryPayments, MemoryUsers,
        Payments,
    },
    error::Error,
    model::{NewOrder, Outcome, PaymentMethod},
    repository::{MemoryOrders, Repositories},
    service::OrderService,
};
use platform::{
    auth::{Access, Guard, MemorySessions, ServiceKey},
    grpc::{Services, with_reason},
    http,
    outbox::Waker,
    server::readiness::Readiness,
};
use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status as Answer};

use crate::ids;
use crate::shop::deliveries;

/// The default number of slots. `REQUESTS` is larger.
const SLOTS: usize = 512;
const REQUESTS: usize = 600;
/// The time within which a read is answered, even on a busy machine.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// If no request is rejected for this long, no further request will be rejected.
const LAST_REJECTION_TIMEOUT: Duration = Duration::from_millis(300);

/// Orders in memory. The inventory and payment clients are in memory or over gRPC.
struct Shop {
    orders: MemoryOrders,
    inventory: MemoryInventory,
    payments: MemoryPayments,
    user: UserId,
    /// A second user, who reads, because one user may take only a quarter of the slots.
    reader: UserId,
    part: PartId,
}

impl Shop {
    fn open() -> Self {
        let (inventory, part) = (MemoryInventory::default(), ids::part());
        inventory.put(part, Money::from_minor(100).unwrap(), 10_000);
        let payments = MemoryPayments::default();
        Self { orders: MemoryOrders::default(), inventory, payments, user: ids::user(), reader: ids::user(), part }
    }

    fn service(&self, inventory: Option<SocketAddr>, payment: Option<SocketAddr>) -> OrderService {
        let inventory: Arc<dyn Inventory> = match inventory {
            Some(address) => Arc::new(GrpcInventory::new(testkit::peer("inventory", address))),
            None => Arc::new(self.inventory.clone()),
        };
        let payments: Arc<dyn Payments> = match payment {
            Some(address) => Arc::new(GrpcPayments::new(testkit::peer("payment", address))),
            None => Arc::new(self.payments.clone()),
        };
        let pay_within = Duration::from_mins(15);
        let clients = Clients { inventory, payments, users: Arc::new(MemoryUsers::default()) };
        OrderService::new(Repositories::new(Arc::new(self.orders.clone())), clients, Waker::default(), pay_within)
    }

    async fn order(&self) -> OrderId {
        self.order_of(self.user).await
    }

    async fn order_of(&self, user: UserId) -> OrderId {
        let order = NewOrder::new(ids::order(), user, vec![self.part]);
        match self.service(None, None).create(user, order, None).await.unwrap() {
            Outcome::Created { order, .. } => order,
            other => panic!("created an order and got {other:?}"),
        }
    }

    /// Serves `service` over HTTP. Returns the base of its URLs.
    async fn serve(&self, service: OrderService) -> String {
        let sessions = Arc::new(MemorySessions::default());
        sessions.open("session", self.user.uuid());
        sessions.open("reader", self.reader.uuid());
        let key = ServiceKey::new("order", &testkit::SERVICE_KEY.into()).unwrap();
        let deliveries = deliveries(self.orders.clone(), &MemoryDelivery::default());
        let state = Api { service, deliveries };
        let router = api::router(state, Guard::new(sessions, key, &api::RULES), Readiness::default(), SLOTS);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/v1/orders", listener.local_addr().unwrap());
        tokio::spawn(http::serve(listener, router, Readiness::default(), CancellationToken::new()));
        url
    }
}

/// A stand-in for payment whose card provider is unavailable.
struct WithoutCards;

#[tonic::async_trait]
impl PaymentService for WithoutCards {
    async fn pay_order(&self, request: Request<PayOrderRequest>) -> Result<Response<PayOrderResponse>, Answer> {
        if request.get_ref().payment_method() != Method::InvestorMoney {
            return Err(with_reason(Code::Unavailable, "PAYMENT_OUTCOME_UNKNOWN", "not known yet"));
        }
        Ok(Response::new(PayOrderResponse { transaction_uuid: ids::transaction().to_string() }))
    }
}

/// Starts a server that accepts connections and never responds. Returns its address.
async fn hung() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.push(connection);
        }
    });
    address
}

/// Returns an address at which no server listens.
async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Checks that reads are answered while the requests `posts` wait for their responses.
async fn reads_go_on_while(
    posts: impl Iterator<Item = (String, serde_json::Value)>,
    client: &Client,
    url: &str,
    order: OrderId,
) {
    let mut waiting = JoinSet::new();
    for (path, body) in posts {
        let request = client.post(format!("{url}{path}")).header("X-Session-Uuid", "session").json(&body);
        waiting.spawn(async move { request.send().await.unwrap().status() });
    }
    // Waits until all requests have arrived and those without a slot have been rejected.
    let mut shed = 0;
    loop {
        let limit = if shed < REQUESTS - SLOTS / 4 { READ_TIMEOUT * 10 } else { LAST_REJECTION_TIMEOUT };
        match tokio::time::timeout(limit, waiting.join_next()).await {
            Ok(Some(answer)) => assert_eq!(answer.unwrap(), StatusCode::TOO_MANY_REQUESTS),
            _ => break,
        }
        shed += 1;
    }
    println!("{shed} requests were shed, {} wait", waiting.len());
    assert!(!waiting.is_empty(), "no request waits");

    for path in [format!("/{order}"), String::new()] {
        let begun = Instant::now();
        let read = client.get(format!("{url}{path}")).header("X-Session-Uuid", "reader").send().await.unwrap();
        assert_eq!(read.status(), StatusCode::OK);
        assert!(begun.elapsed() < READ_TIMEOUT, "a read took {:?}", begun.elapsed());
    }
    assert!(!waiting.is_empty(), "the reads were answered after the requests that waited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_answered_while_inventory_hangs() {
    let shop = Shop::open();
    let order = shop.order_of(shop.reader).await;
    let url = shop.serve(shop.service(Some(hung().await), None)).await;
    let body = json!({ "user_uuid": shop.user, "part_uuids": [shop.part] });
    let posts = (0..REQUESTS).map(|_| (String::new(), body.clone()));

    reads_go_on_while(posts, &http::client(Duration::from_secs(30)).unwrap(), &url, order).await;
}

#[tokio::test]
async fn an_order_whose_payment_was_not_asked_can_be_cancelled_and_paid() {
    let shop = Shop::open();
    let service = shop.service(None, Some(nowhere().await));
    let mut orders = Vec::new();
    for _ in 0..12 {
        orders.push(shop.order().await);
    }

    // The first calls find no connection, and later ones an open circuit breaker.
    for order in &orders {
        let outcome = service.pay(shop.user, *order, PaymentMethod::Card, None).await;
        assert!(matches!(outcome, Err(Error::Unavailable("payment", _))), "{outcome:?}");
        assert!(!shop.inventory.is_confirmed(*order), "its parts count as paid");
    }
    let [cancelled, .., paid] = orders[..] else { panic!("{orders:?}") };

    service.cancel(shop.user, cancelled, None).await.unwrap();
    shop.service(None, None).pay(shop.user, paid, PaymentMethod::InvestorMoney, None).await.unwrap();

    assert_eq!([cancelled, paid].map(|order| shop.payments.charges(order)), [0, 1]);
}

#[tokio::test]
async fn a_card_provider_that_is_away_stops_no_payment_from_a_balance() {
    let shop = Shop::open();
    let services = Services::new(contracts::proto::DESCRIPTORS).with(PaymentServiceServer::new(WithoutCards));
    let (address, _server) = testkit::serve(testkit::guard("payment", &[]).otherwise(Access::Public), services).await;
    let service = shop.service(None, Some(address));

    for _ in 0..12 {
        let outcome = service.pay(shop.user, shop.order().await, PaymentMethod::Card, None).await;
        assert!(matches!(outcome, Err(Error::PaymentOutcomeUnknown)), "{outcome:?}");
    }
    let outcome = service.pay(shop.user, shop.order().await, PaymentMethod::InvestorMoney, None).await;

    assert!(matches!(outcome, Ok(Outcome::Paid { .. })), "{outcome:?}");
}
