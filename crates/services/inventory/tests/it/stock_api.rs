//! Tests of the stock over gRPC, as the order service calls it.

use contracts::proto::inventory::v1::{
    CommitPartsRequest, GetPartRequest, PartQuantity, ReleasePartsRequest, ReservePartsForAllRequest,
    ReservePartsRequest, RestockPartsRequest,
    reserve_parts_result::Result::{Refused, Reserved},
};
use platform::{grpc::reason, ids};
use testkit::with_session;
use tonic::Code;

use crate::api::{Inventory, inventory};

/// The part "Stabilizer" of the built-in catalogue: 45 units at 860.00.
const PART: &str = "af556d38-98d7-4ee2-8cb9-c9f784dbfe60";

fn quantity(part_uuid: &str, quantity: i64) -> PartQuantity {
    PartQuantity { part_uuid: part_uuid.to_owned(), quantity }
}

fn reserve(order_uuid: &str, parts: Vec<PartQuantity>) -> ReservePartsRequest {
    ReservePartsRequest { order_uuid: order_uuid.to_owned(), parts, confirm: false, ..ReservePartsRequest::default() }
}

async fn stock(inventory: &Inventory) -> i64 {
    let part = GetPartRequest { uuid: PART.to_owned() };
    inventory.service().get_part(part).await.unwrap().into_inner().part.unwrap().stock_quantity
}

/// Starts the service and waits until the catalogue is seeded.
async fn started() -> Inventory {
    let inventory = inventory(vec![]).await;
    stock(&inventory).await;
    inventory
}

#[tokio::test]
async fn an_order_reserves_confirms_and_commits() {
    let inventory = started().await;
    let mut client = inventory.service();
    let order = ids::random().to_string();

    let held = client.reserve_parts(reserve(&order, vec![quantity(PART, 2), quantity(PART, 1)])).await.unwrap();
    let confirm = ReservePartsRequest { confirm: true, ..reserve(&order, vec![quantity(PART, 3)]) };
    let confirmed = client.reserve_parts(confirm).await.unwrap().into_inner();
    client.commit_parts(CommitPartsRequest { order_uuid: order.clone() }).await.unwrap();
    client.commit_parts(CommitPartsRequest { order_uuid: order.clone() }).await.unwrap();
    let late = client.release_parts(ReleasePartsRequest { order_uuid: order }).await.unwrap_err();

    let held = held.into_inner();
    assert_eq!(held, confirmed);
    assert_eq!((held.parts[0].part_uuid.as_str(), held.parts[0].quantity), (PART, 3));
    assert_eq!(held.parts[0].unit_price_minor, 86_000);
    assert_eq!((late.code(), reason(&late)), (Code::FailedPrecondition, Some("RESERVATION_ENDED")));
    assert_eq!(stock(&inventory).await, 42);
}

#[tokio::test]
async fn a_released_order_gets_nothing_any_more() {
    let inventory = started().await;
    let mut client = inventory.service();
    let order = ids::random().to_string();
    client.reserve_parts(reserve(&order, vec![quantity(PART, 5)])).await.unwrap();

    for _ in 0..2 {
        client.release_parts(ReleasePartsRequest { order_uuid: order.clone() }).await.unwrap();
    }
    let again = client.reserve_parts(reserve(&order, vec![quantity(PART, 5)])).await.unwrap_err();
    let commit = client.commit_parts(CommitPartsRequest { order_uuid: order }).await.unwrap_err();
    let unknown = CommitPartsRequest { order_uuid: ids::random().to_string() };
    let unknown = client.commit_parts(unknown).await.unwrap_err();

    assert_eq!((again.code(), reason(&again)), (Code::FailedPrecondition, Some("RESERVATION_ENDED")));
    assert_eq!((commit.code(), reason(&commit)), (Code::FailedPrecondition, Some("RESERVATION_ENDED")));
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(stock(&inventory).await, 45);
}

#[tokio::test]
async fn the_unavailable_or_unknown_part_is_named() {
    let inventory = started().await;
    let mut client = inventory.service();
    let (order, unknown) = (ids::random().to_string(), ids::random().to_string());

    let short = client.reserve_parts(reserve(&order, vec![quantity(PART, 46)])).await.unwrap_err();
    let parts = vec![quantity(PART, 46), quantity(&unknown, 1)];
    let missing = client.reserve_parts(reserve(&order, parts.clone())).await.unwrap_err();
    let restock = RestockPartsRequest { restock_uuid: order, parts, ..RestockPartsRequest::default() };
    let restocked = inventory.service_named("shipyard").restock_parts(restock).await.unwrap_err();

    assert_eq!((short.code(), reason(&short)), (Code::FailedPrecondition, Some("OUT_OF_STOCK")));
    assert!(short.message().contains(PART), "{}", short.message());
    for status in [missing, restocked] {
        assert_eq!((status.code(), reason(&status)), (Code::NotFound, Some("PART_NOT_FOUND")));
        assert!(status.message().contains(&unknown), "{}", status.message());
    }
    assert_eq!(stock(&inventory).await, 45);
}

fn restock() -> RestockPartsRequest {
    RestockPartsRequest {
        restock_uuid: ids::random().to_string(),
        parts: vec![quantity(PART, 10)],
        decided_by: "cli:ann@host".to_owned(),
    }
}

#[tokio::test]
async fn a_restock_has_its_author() {
    let inventory = started().await;
    let operator = ids::random();
    let session = inventory.iam.operator_session(operator);

    inventory.service_named("shipyard").restock_parts(restock()).await.unwrap();
    inventory.anonymous().restock_parts(with_session(&session, restock())).await.unwrap();
    let forged = RestockPartsRequest { decided_by: operator.to_string(), ..restock() };
    let forged = inventory.service_named("shipyard").restock_parts(forged).await.unwrap_err();

    assert_eq!(forged.message(), "decided_by: must be cli:USER@HOST, without spaces and of at most 200 characters");
    let authors = sqlx::query_scalar("select decided_by from restocks order by created_at");
    let authors: Vec<Option<String>> = authors.fetch_all(&inventory.database.pool).await.unwrap();
    assert_eq!(authors, [Some("cli:ann@host".to_owned()), Some(operator.to_string())]);
}

#[tokio::test]
async fn a_restock_with_other_parts_is_refused() {
    let inventory = started().await;
    let mut client = inventory.service_named("shipyard");
    let restock = restock();
    client.restock_parts(restock.clone()).await.unwrap();

    let other = RestockPartsRequest { parts: vec![quantity(PART, 50)], ..restock };
    let refused = client.restock_parts(other).await.unwrap_err();

    let expected = (Code::AlreadyExists, "parts: must be those of the restock_uuid's first request");
    assert_eq!((refused.code(), refused.message()), expected);
    assert_eq!(stock(&inventory).await, 55);
}

#[tokio::test]
async fn an_invalid_request_is_rejected_with_the_name_of_the_field() {
    let inventory = started().await;
    let mut client = inventory.service();
    let order = ids::random().to_string();

    for (order, parts, problem) in [
        ("", vec![quantity(PART, 1)], "order_uuid: must be a uuid"),
        (&order, vec![], "parts: must not be empty"),
        (&order, vec![quantity(PART, 1), quantity("x", 1)], "parts[1].part_uuid: must be a uuid"),
        (&order, vec![quantity(PART, 0)], "parts[0].quantity: must be from 1 to 1000000"),
        (&order, vec![quantity(PART, -1)], "parts[0].quantity: must be from 1 to 1000000"),
        (&order, vec![quantity(PART, i64::MAX)], "parts[0].quantity: must be from 1 to 1000000"),
        (&order, vec![quantity(PART, 1); 1001], "parts: must have at most 1000 entries"),
    ] {
        let status = client.reserve_parts(reserve(order, parts)).await.unwrap_err();

        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, problem));
    }
    let restock = RestockPartsRequest { restock_uuid: "x".to_owned(), ..restock() };
    let restock = inventory.service_named("shipyard").restock_parts(restock).await.unwrap_err();
    let release = client.release_parts(ReleasePartsRequest::default()).await.unwrap_err();
    let commit = client.commit_parts(CommitPartsRequest::default()).await.unwrap_err();

    assert_eq!((restock.code(), restock.message()), (Code::InvalidArgument, "restock_uuid: must be a uuid"));
    assert_eq!((release.code(), release.message()), (Code::InvalidArgument, "order_uuid: must be a uuid"));
    assert_eq!((commit.code(), commit.message()), (Code::InvalidArgument, "order_uuid: must be a uuid"));
    assert_eq!(stock(&inventory).await, 45);
}

#[tokio::test]
async fn each_order_of_a_call_is_reserved_or_refused_by_itself() {
    let inventory = started().await;
    let mut client = inventory.service();
    let (first, last) = (ids::random().to_string(), ids::random().to_string());
    let unknown = ids::random().to_string();
    let requests = vec![
        reserve(&first, vec![quantity(PART, 2)]),
        reserve(&ids::random().to_string(), vec![quantity(PART, 46)]),
        reserve(&ids::random().to_string(), vec![quantity(&unknown, 1)]),
        reserve("no uuid", vec![quantity(PART, 1)]),
        reserve(&last, vec![quantity(PART, 3)]),
    ];

    let results = client.reserve_parts_for_all(ReservePartsForAllRequest { requests }).await.unwrap().into_inner();
    let alone = client.reserve_parts(reserve(&first, vec![quantity(PART, 2)])).await.unwrap().into_inner();
    let requests = vec![ReservePartsRequest::default(); 65];
    let refused = client.reserve_parts_for_all(ReservePartsForAllRequest { requests }).await.unwrap_err();

    let results: Vec<_> = results.results.into_iter().map(|result| result.result.unwrap()).collect();
    let [Reserved(one), Refused(short), Refused(missing), Refused(malformed), Reserved(other)] = &results[..] else {
        panic!("{results:?}");
    };
    assert_eq!((one, other.parts[0].quantity), (&alone, 3));
    let refusal = |code: Code, reason, subject| (i32::from(code), reason, subject);
    let of = |refusal: &contracts::proto::inventory::v1::Refusal| {
        (refusal.code, refusal.reason.clone(), refusal.subject.clone())
    };
    assert_eq!(of(short), refusal(Code::FailedPrecondition, "OUT_OF_STOCK".to_owned(), PART.to_owned()));
    assert_eq!(of(missing), refusal(Code::NotFound, "PART_NOT_FOUND".to_owned(), unknown));
    assert_eq!(malformed.message, "order_uuid: must be a uuid");
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "requests: must have at most 64 entries"));
    assert_eq!(stock(&inventory).await, 40);
}
