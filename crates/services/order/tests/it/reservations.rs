//! Tests of the client of inventory: orders that wait share a call, and each gets its own result.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
use contracts::ids::{OrderId, PartId};
use contracts::proto::inventory::v1::{
    ListPartsRequest, ListPartsResponse, Part, PartQuantity, Refusal as Refused, ReleasePartsRequest,
    ReleasePartsResponse, ReservePartsForAllRequest, ReservePartsForAllResponse, ReservePartsRequest,
    ReservePartsResponse, ReservePartsResult, ReservedPart,
    inventory_service_server::{InventoryService, InventoryServiceServer},
    reserve_parts_result,
};
use futures::future::join_all;
use order::{
    client::{GrpcInventory, Inventory as _, PricedPart},
    error::{Error, OrderRefusal},
};
use platform::{
    auth::{Access, Guard, MemorySessions, SESSION_HEADER, SESSION_METADATA, ServiceKey},
    grpc::Services,
};
use testkit::Running;
use tonic::{Code, Request, Response, Status};
use tower::ServiceExt as _;

use crate::ids;

/// The stand-in for inventory refuses this quantity as out of stock.
const TOO_MANY: i64 = 46;
/// The stand-in for inventory refuses this quantity as a conflict in a shared call.
const CONTENDED: i64 = 13;

/// A stand-in for inventory that records its calls.
#[derive(Clone, Default)]
struct Stock {
    /// The number of orders of each shared call.
    calls: Arc<Mutex<Vec<usize>>>,
    alone: Arc<AtomicUsize>,
    /// True if the next shared call finds the database unavailable.
    fails_once: Arc<AtomicBool>,
    /// True while no shared call gets a response.
    hangs: Arc<AtomicBool>,
    sessions: Arc<Mutex<Vec<SessionsOfCall>>>,
}

/// The RPC of a call, and the sessions that the call carried.
type SessionsOfCall = (&'static str, Vec<String>);

impl Stock {
    fn record<T>(&self, rpc: &'static str, request: &Request<T>) {
        let sessions = request.metadata().get_all(SESSION_METADATA).iter();
        let sessions = sessions.map(|session| session.to_str().unwrap().to_owned()).collect();
        self.sessions.lock().unwrap().push((rpc, sessions));
    }
}

fn reserved(request: &ReservePartsRequest) -> ReservePartsResponse {
    let part = |part: &PartQuantity| ReservedPart {
        part_uuid: part.part_uuid.clone(),
        quantity: part.quantity,
        unit_price_minor: 100,
    };
    ReservePartsResponse { parts: request.parts.iter().map(part).collect() }
}

fn result(request: &ReservePartsRequest) -> ReservePartsResult {
    let refused = |code: Code, reason: &str| {
        reserve_parts_result::Result::Refused(Refused {
            code: code.into(),
            message: "refused".to_owned(),
            reason: reason.to_owned(),
            subject: request.parts[0].part_uuid.clone(),
        })
    };
    ReservePartsResult {
        result: Some(match request.parts[0].quantity {
            TOO_MANY => refused(Code::FailedPrecondition, "OUT_OF_STOCK"),
            CONTENDED => refused(Code::Aborted, ""),
            _ => reserve_parts_result::Result::Reserved(reserved(request)),
        }),
    }
}

fn unavailable() -> ReservePartsResult {
    let refused = Refused { code: Code::Unavailable.into(), message: "no database".to_owned(), ..Refused::default() };
    ReservePartsResult { result: Some(reserve_parts_result::Result::Refused(refused)) }
}

#[tonic::async_trait]
impl InventoryService for Stock {
    async fn reserve_parts_for_all(
        &self,
        request: Request<ReservePartsForAllRequest>,
    ) -> Result<Response<ReservePartsForAllResponse>, Status> {
        self.record("ReservePartsForAll", &request);
        let requests = request.into_inner().requests;
        self.calls.lock().unwrap().push(requests.len());
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let mut results: Vec<_> = requests.iter().map(result).collect();
        if self.fails_once.swap(false, Ordering::SeqCst) {
            results = requests.iter().map(|_| unavailable()).collect();
        }
        Ok(Response::new(ReservePartsForAllResponse { results }))
    }

    async fn reserve_parts(
        &self,
        request: Request<ReservePartsRequest>,
    ) -> Result<Response<ReservePartsResponse>, Status> {
        self.record("ReserveParts", &request);
        self.alone.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(reserved(request.get_ref())))
    }

    async fn list_parts(&self, request: Request<ListPartsRequest>) -> Result<Response<ListPartsResponse>, Status> {
        self.record("ListParts", &request);
        let uuids = request.into_inner().filter.unwrap_or_default().uuids;
        let part = |uuid| Part { uuid, price: 12.34, stock_quantity: 10, ..Part::default() };
        Ok(Response::new(ListPartsResponse {
            parts: uuids.into_iter().map(part).collect(),
            ..ListPartsResponse::default()
        }))
    }

    async fn release_parts(
        &self,
        request: Request<ReleasePartsRequest>,
    ) -> Result<Response<ReleasePartsResponse>, Status> {
        self.record("ReleaseParts", &request);
        Ok(Response::new(ReleasePartsResponse {}))
    }
}

/// Starts the stand-in. Returns a client of it.
async fn inventory(stock: &Stock) -> (GrpcInventory, Running) {
    let services = Services::new(contracts::proto::DESCRIPTORS).with(InventoryServiceServer::new(stock.clone()));
    let (address, server) = testkit::serve(testkit::guard("inventory", &[]).otherwise(Access::Public), services).await;
    (GrpcInventory::new(testkit::peer("inventory", address)), server)
}

/// Reserves these quantities of one part for an order each, all at once.
async fn reserve(inventory: &GrpcInventory, quantities: &[i64]) -> (PartId, Vec<Result<Vec<PricedPart>, Error>>) {
    let part = ids::part();
    let reservations = quantities.iter().map(|quantity| async move {
        let order: OrderId = ids::order();
        inventory.reserve(order, ids::user(), &[(part, *quantity)], false).await
    });
    (part, join_all(reservations).await)
}

#[tokio::test]
async fn orders_that_wait_share_a_call_and_each_gets_its_own_result() {
    let stock = Stock::default();
    let (inventory, _server) = inventory(&stock).await;

    let (part, results) = reserve(&inventory, &[1, TOO_MANY, CONTENDED, 2]).await;

    let [Ok(one), Err(short), Ok(contended), Ok(two)] = &results[..] else { panic!("{results:?}") };
    assert_eq!((one[0].part, one[0].quantity, two[0].quantity), (part, 1, 2));
    assert!(matches!(short, Error::Refused(OrderRefusal::OutOfStock(named)) if *named == part), "{short:?}");
    assert_eq!(contended[0].quantity, CONTENDED);
    assert_eq!(*stock.calls.lock().unwrap(), [4]);
    assert_eq!(stock.alone.load(Ordering::SeqCst), 1, "the order with a conflict is retried alone");
}

#[tokio::test]
async fn an_order_of_many_lines_has_a_call_of_its_own() {
    let stock = Stock::default();
    let (inventory, _server) = inventory(&stock).await;
    let lines: Vec<_> = (0..51).map(|_| (ids::part(), 1)).collect();

    let reserved = inventory.reserve(ids::order(), ids::user(), &lines, false).await.unwrap();

    assert_eq!(reserved.len(), 51);
    assert_eq!((stock.calls.lock().unwrap().len(), stock.alone.load(Ordering::SeqCst)), (0, 1));
}

#[tokio::test]
async fn a_call_without_a_response_delays_no_later_order() {
    let stock = Stock::default();
    stock.hangs.store(true, Ordering::SeqCst);
    let (inventory, _server) = inventory(&stock).await;
    let client = inventory.clone();
    let unanswered = tokio::spawn(async move { reserve(&client, &[1]).await });
    testkit::eventually(async || (!stock.calls.lock().unwrap().is_empty()).then_some(())).await;
    stock.hangs.store(false, Ordering::SeqCst);

    let later = tokio::time::timeout(Duration::from_secs(2), reserve(&inventory, &[2])).await;

    assert!(later.unwrap().1[0].is_ok());
    assert!(!unanswered.is_finished());
}

/// The twelve orders share two calls.
#[tokio::test]
async fn twelve_orders_without_a_response_open_the_breaker_and_the_next_is_refused_at_once() {
    let stock = Stock::default();
    stock.hangs.store(true, Ordering::SeqCst);
    let (inventory, _server) = inventory(&stock).await;

    let (_, unanswered) = reserve(&inventory, &[1; 12]).await;
    let begun = Instant::now();
    let (_, refused) = reserve(&inventory, &[1; 100]).await;
    let took = begun.elapsed();
    let calls = stock.calls.lock().unwrap().len();
    stock.hangs.store(false, Ordering::SeqCst);
    testkit::eventually(async || reserve(&inventory, &[1]).await.1[0].is_ok().then_some(())).await;

    for result in unanswered.iter().chain(&refused) {
        assert!(matches!(result, Err(Error::Unavailable(..))), "{result:?}");
    }
    println!("{calls} calls; a hundred refusals took {took:?}");
    assert!(calls <= 4, "{calls} calls");
}

#[tokio::test]
async fn an_order_that_meets_a_transient_failure_is_retried() {
    let stock = Stock::default();
    stock.fails_once.store(true, Ordering::SeqCst);
    let (inventory, _server) = inventory(&stock).await;

    let (_, results) = reserve(&inventory, &[1]).await;

    assert!(results[0].is_ok(), "{results:?}");
    assert_eq!(*stock.calls.lock().unwrap(), [1, 1]);
}

#[tokio::test]
async fn calls_that_need_a_services_identity_carry_no_session() {
    let stock = Stock::default();
    let (inventory, _server) = inventory(&stock).await;
    let lines: Vec<(PartId, i64)> = (0..51).map(|_| (ids::part(), 1)).collect();
    let handler = move || async move {
        inventory.named(&["Bolt".to_owned()]).await.unwrap();
        inventory.reserve(ids::order(), ids::user(), &lines[..1], false).await.unwrap();
        inventory.reserve(ids::order(), ids::user(), &lines, false).await.unwrap();
        inventory.release(ids::order()).await.unwrap();
    };
    let sessions = MemorySessions::default();
    sessions.open("session", ids::random());
    let key = ServiceKey::new("order", &testkit::SERVICE_KEY.into()).unwrap();
    let guard = Guard::new(Arc::new(sessions), key, &[]).otherwise(Access::Session(&[]));
    let router = Router::new().route("/", get(handler)).layer(from_fn_with_state(guard, Guard::http));
    let request = axum::http::Request::get("/").header(SESSION_HEADER, "session").body(Body::empty()).unwrap();

    let response = router.oneshot(request).await.unwrap();

    assert_eq!(response.status(), 200);
    let of_the_user = || vec!["session".to_owned()];
    assert_eq!(
        *stock.sessions.lock().unwrap(),
        [
            ("ListParts", of_the_user()),
            ("ReservePartsForAll", Vec::new()),
            ("ReserveParts", Vec::new()),
            ("ReleaseParts", Vec::new()),
        ]
    );
}
