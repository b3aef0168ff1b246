//! Tests that other requests are served while inventory hangs, and while payment or its card provider is unavailable.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use contracts::money::Money;
use contracts::proto::payment::v1::{
    PayOrderRequest, PayOrderResponse, PaymentMethod as Method,
    payment_service_server::{PaymentService, PaymentServiceServer},
};
use order::{
    api::Api,
    client::{GrpcInventory, GrpcPayments},
    error::Error,
    model::{NewOrder, PaymentMethod, RequestOutcome},
    service::OrderService,
};
use platform::{
    auth::{Access, MemorySessions},
    grpc::{Services, with_reason},
    http,
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet, time::Instant};
use tonic::{Code, Request, Response, Status};

use crate::ids;
use crate::shop::{Shop, hung, router, serve};

/// The default number of slots. `REQUESTS` is larger.
const SLOTS: usize = 512;
const REQUESTS: usize = 600;
/// The time limit for a read, which suffices on a busy machine.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// If no request is rejected for this long, no further request will be rejected.
const LAST_REJECTION_TIMEOUT: Duration = Duration::from_millis(300);

/// Opens a shop with a stock for all orders of a test.
fn shop() -> Shop {
    let shop = Shop::open();
    shop.inventory.put(shop.engine, Money::from_minor(100).unwrap(), 10_000);
    shop
}

/// Returns a replica that calls payment at this address.
fn paying_at(shop: &Shop, payment: SocketAddr) -> OrderService {
    shop.replica(shop.inventory.clone(), GrpcPayments::new(testkit::peer("payment", payment)))
}

/// A stand-in for payment whose card provider is unavailable.
struct WithoutCards;

#[tonic::async_trait]
impl PaymentService for WithoutCards {
    async fn pay_order(&self, request: Request<PayOrderRequest>) -> Result<Response<PayOrderResponse>, Status> {
        if request.get_ref().payment_method() != Method::InvestorMoney {
            return Err(with_reason(Code::Unavailable, "PAYMENT_OUTCOME_UNKNOWN", "not known yet"));
        }
        Ok(Response::new(PayOrderResponse { transaction_uuid: ids::transaction().to_string() }))
    }
}

/// Returns an address at which no server listens.
async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_answered_while_inventory_hangs() {
    let shop = shop();
    // Another user reads, because one user may take only a quarter of the slots.
    let reader = ids::user();
    let order = shop.create(NewOrder::new(ids::order(), reader, vec![shop.engine])).await;
    let sessions = Arc::new(MemorySessions::default());
    sessions.open("session", shop.user.uuid());
    sessions.open("reader", reader.uuid());
    let inventory = GrpcInventory::new(testkit::peer("inventory", hung().await));
    let service = shop.replica(inventory, shop.payments.clone());
    let state = Api { service, deliveries: shop.deliveries() };
    let url = format!("http://{}/api/v1/orders", serve(router(state, sessions, SLOTS)).await);
    let client = http::client(Duration::from_secs(30)).unwrap();

    let mut waiting = JoinSet::new();
    for _ in 0..REQUESTS {
        let body = json!({ "user_uuid": shop.user, "part_uuids": [shop.engine] });
        let request = client.post(&url).header("X-Session-Uuid", "session").json(&body);
        waiting.spawn(async move { request.send().await.unwrap().status() });
    }
    // Waits until all requests have arrived and those without a slot have been rejected.
    let mut shed = 0;
    loop {
        let limit = if shed < REQUESTS - SLOTS / 4 { READ_TIMEOUT * 10 } else { LAST_REJECTION_TIMEOUT };
        match tokio::time::timeout(limit, waiting.join_next()).await {
            Ok(Some(response)) => assert_eq!(response.unwrap(), StatusCode::TOO_MANY_REQUESTS),
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

#[tokio::test]
async fn an_order_whose_payment_was_not_asked_can_be_cancelled_and_paid() {
    let shop = shop();
    let service = paying_at(&shop, nowhere().await);
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
    shop.service.pay(shop.user, paid, PaymentMethod::InvestorMoney, None).await.unwrap();

    assert_eq!([cancelled, paid].map(|order| shop.payments.charges(order)), [0, 1]);
}

#[tokio::test]
async fn a_card_provider_that_is_away_stops_no_payment_from_a_balance() {
    let shop = shop();
    let services = Services::new(contracts::proto::DESCRIPTORS).with(PaymentServiceServer::new(WithoutCards));
    let (address, _server) = testkit::serve(testkit::guard("payment", &[]).otherwise(Access::Public), services).await;
    let service = paying_at(&shop, address);

    for _ in 0..12 {
        let outcome = service.pay(shop.user, shop.order().await, PaymentMethod::Card, None).await;
        assert!(matches!(outcome, Err(Error::PaymentOutcomeUnknown)), "{outcome:?}");
    }
    let outcome = service.pay(shop.user, shop.order().await, PaymentMethod::InvestorMoney, None).await;

    assert!(matches!(outcome, Ok(RequestOutcome::Paid { .. })), "{outcome:?}");
}
