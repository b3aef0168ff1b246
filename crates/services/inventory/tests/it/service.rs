//! Tests of the use cases over the in-memory implementation.

use std::{
    collections::HashSet,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::{OrderId, PartId, UserId};
use inventory::{
    client::{Existing, ExistingOrders},
    error::Error,
    model::{Filter, Lines, MaxShare, NewPart, Page, ReservedLine, Status},
    repository::MemoryInventory,
    service::InventoryService,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use platform::{
    grpc::Unavailable,
    ids,
    postgres::{Database, DatabaseError},
};
use testkit::{MemoryLog, new_cause, new_order, new_user};
use tracing::Level;
use uuid::Uuid;

use crate::{
    by,
    fixture::{AT_ONCE, over, part, postgres},
};

/// An unconfirmed reservation is due after this time.
const TTL: Duration = Duration::from_mins(10);

/// A stand-in for the order service.
#[derive(Default)]
struct Orders {
    /// The orders that exist. None of them waits for payment.
    existing: Mutex<HashSet<OrderId>>,
    /// True while every look-up fails.
    is_away: AtomicBool,
}

#[async_trait]
impl ExistingOrders for Orders {
    async fn existing(&self, orders: &[OrderId]) -> Result<Existing, Unavailable> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(Unavailable("order", "away".to_owned()));
        }
        let existing = self.existing.lock().unwrap();
        let all = orders.iter().copied().filter(|order| existing.contains(order)).collect();
        Ok(Existing { all, ..Existing::default() })
    }
}

struct Fixture {
    service: InventoryService,
    inventory: MemoryInventory,
    orders: Arc<Orders>,
    /// A part with a stock of 5 units.
    part: PartId,
}

async fn fixture() -> Fixture {
    let inventory = MemoryInventory::default();
    let (catalogue, warehouse) = (Arc::new(inventory.clone()), Arc::new(inventory.clone()));
    let orders = Arc::new(Orders::default());
    let service = InventoryService::new(catalogue, warehouse, orders.clone(), TTL);
    let new = part(5);
    let part = new.id;
    service.seed(&[new]).await.unwrap();
    Fixture { service, inventory, orders, part }
}

async fn reserve(
    service: &InventoryService,
    order: OrderId,
    user: Option<UserId>,
    lines: Lines,
    confirm: bool,
) -> Result<Vec<ReservedLine>, Error> {
    service.reserve(vec![service.request(order, user, lines, confirm)]).await.remove(0)
}

impl Fixture {
    fn lines(&self, quantity: i64) -> Lines {
        [(self.part, quantity)].into_iter().collect()
    }

    /// A new order whose reservation is confirmed if `confirm` is set, otherwise held.
    async fn order(&self, confirm: bool) -> OrderId {
        let order = new_order();
        reserve(&self.service, order, None, self.lines(1), confirm).await.unwrap();
        order
    }

    fn status(&self, order: OrderId) -> Status {
        self.inventory.reservations()[&order].status
    }

    async fn available(&self) -> i64 {
        self.service.part(self.part).await.unwrap().stock.available
    }
}

/// A page of orders whose part has no reserved units, so that the database refuses to return the part to the stock.
#[tokio::test]
async fn a_page_of_reservations_that_the_stock_refuses_holds_up_no_other() {
    let (stores, database) = postgres().await;
    let (catalogue, warehouse) = (stores.catalogue.clone(), stores.warehouse.clone());
    let service = InventoryService::new(catalogue, warehouse, Arc::new(Orders::default()), TTL);
    let parts = stores.stocked([5, 5]).await;
    let refused = "insert into reservations (order_uuid, status, expires_at, part_uuids, quantities, unit_prices)
        select gen_random_uuid(), 'held', now() - interval '1 hour', array[$1::uuid], array[1], array[1]
        from generate_series(1, 250)";
    sqlx::query(refused).bind(parts[0].uuid()).execute(&database.pool).await.unwrap();
    stores.reserve(new_order(), &[(parts[1], 1)], AT_ONCE).await.unwrap();

    let mut expired = 0;
    for _ in 0..4 {
        expired += service.expire_reservations().await.unwrap();
    }

    assert_eq!((expired, stores.available(parts[1]).await), (1, 5));
}

#[tokio::test]
async fn parts_are_listed_and_found() {
    let fixture = fixture().await;
    let other: NewPart = part(1);
    fixture.service.seed(std::slice::from_ref(&other)).await.unwrap();

    let (all, _) = fixture.service.parts(&Filter::default(), Page::default()).await.unwrap();
    let page = Page { after: 0, size: NonZeroU32::new(1) };
    let (first, _) = fixture.service.parts(&Filter::default(), page).await.unwrap();
    let missing = fixture.service.part(PartId::new(Uuid::nil())).await;

    assert_eq!(all.iter().map(|part| part.id).collect::<Vec<_>>(), [fixture.part, other.id]);
    assert_eq!(first.len(), 1);
    assert!(matches!(missing, Err(Error::PartNotFound(uuid)) if uuid == PartId::new(Uuid::nil())));
}

#[tokio::test(start_paused = true)]
async fn a_reservation_lasts_for_its_time_unless_it_is_confirmed() {
    let fixture = fixture().await;
    let (held, confirmed) = (fixture.order(false).await, fixture.order(true).await);

    tokio::time::sleep(TTL.mul_f64(0.99)).await;
    let before = fixture.service.expire_reservations().await.unwrap();
    tokio::time::sleep(TTL.mul_f64(0.02)).await;
    let after = fixture.service.expire_reservations().await.unwrap();

    assert_eq!((before, after), (0, 1));
    assert_eq!((fixture.status(held), fixture.status(confirmed)), (Status::Expired, Status::Confirmed));
    assert_eq!(fixture.available().await, 4);
}

#[tokio::test]
async fn parts_are_released_committed_and_restocked() {
    let fixture = fixture().await;
    let (released, committed) = (fixture.order(true).await, fixture.order(true).await);

    fixture.service.release(released).await.unwrap();
    fixture.service.commit(committed).await.unwrap();
    fixture.service.restock(ids::random(), &fixture.lines(10), &by()).await.unwrap();

    assert_eq!((fixture.status(released), fixture.status(committed)), (Status::Released, Status::Committed));
    assert_eq!(fixture.available().await, 14);
}

#[tokio::test(start_paused = true)]
async fn no_reservation_expires_while_order_is_unavailable() {
    let fixture = fixture().await;
    let (created, abandoned) = (fixture.order(false).await, fixture.order(false).await);
    fixture.orders.existing.lock().unwrap().insert(created);
    fixture.orders.is_away.store(true, Ordering::SeqCst);
    tokio::time::sleep(TTL * 100).await;

    let away = fixture.service.expire_reservations().await;
    assert!(matches!(away, Err(Error::OrderUnavailable(_))), "{away:?}");
    assert_eq!((fixture.status(created), fixture.status(abandoned)), (Status::Held, Status::Held));
    fixture.orders.is_away.store(false, Ordering::SeqCst);

    assert_eq!(fixture.service.expire_reservations().await.unwrap(), 2);
    assert_eq!((fixture.status(created), fixture.status(abandoned)), (Status::Confirmed, Status::Expired));
}

#[tokio::test]
async fn an_event_that_contradicts_the_reservation_is_counted_and_skipped() {
    let fixture = fixture().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (built, left) = (fixture.order(true).await, fixture.order(true).await);
    fixture.service.commit(built).await.unwrap();
    fixture.service.release(left).await.unwrap();

    fixture.service.order_cancelled(new_cause(), built).await.unwrap();
    fixture.service.ship_assembled(new_cause(), left).await.unwrap();
    fixture.service.ship_assembled(new_cause(), new_order()).await.unwrap();

    let rendered = recorder.handle().render();
    assert!(rendered.contains("inventory_inconsistencies_total 3"), "{rendered}");
    assert_eq!((fixture.status(built), fixture.status(left)), (Status::Committed, Status::Released));
}

#[tokio::test]
async fn reservations_are_counted_by_outcome() {
    let fixture = fixture().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let unknown: Lines = [(PartId::new(Uuid::nil()), 1)].into_iter().collect();

    fixture.order(false).await;
    fixture.order(true).await;
    reserve(&fixture.service, new_order(), None, fixture.lines(9), false).await.unwrap_err();
    reserve(&fixture.service, new_order(), None, unknown, false).await.unwrap_err();
    let many = part(40);
    fixture.service.seed(std::slice::from_ref(&many)).await.unwrap();
    let half: Lines = [(many.id, 20)].into_iter().collect();
    let bounded = fixture.service.clone().with_max_share(MaxShare::new(0.25).unwrap());
    reserve(&bounded, new_order(), Some(new_user()), half, false).await.unwrap_err();

    let rendered = recorder.handle().render();
    for (outcome, count) in [("reserved", 2), ("out_of_stock", 1), ("too_many_reserved", 1), ("refused", 1)] {
        let line = format!("inventory_reservations_total{{outcome=\"{outcome}\"}} {count}");
        assert!(rendered.contains(&line), "{rendered} lacks {line}");
    }
}

#[tokio::test]
async fn an_event_fails_while_the_database_is_unavailable() {
    let nowhere = Database::lazy("test", "URL", &"postgres://nobody@127.0.0.1:1/none".into(), 3).unwrap();
    let stores = over(&nowhere);
    let service = InventoryService::new(stores.catalogue, stores.warehouse, Arc::new(Orders::default()), TTL);
    let order = new_order();

    let (cancelled, assembled, expired) = tokio::join!(
        service.order_cancelled(new_cause(), order),
        service.ship_assembled(new_cause(), order),
        service.expire_reservations(),
    );

    for outcome in [cancelled, assembled, expired.map(drop)] {
        assert!(matches!(outcome, Err(Error::Database(DatabaseError::Unavailable(_)))), "{outcome:?}");
    }
}

#[tokio::test]
async fn seeding_logs_how_many_parts_are_new_and_nothing_when_none_is() {
    let inventory = Arc::new(MemoryInventory::default());
    let service = InventoryService::new(inventory.clone(), inventory, Arc::new(Orders::default()), TTL);
    let parts = [part(1), part(1)];
    let (log, _guard) = MemoryLog::capture(Level::INFO);

    service.seed(&parts).await.unwrap();
    service.seed(&parts).await.unwrap();

    let log = log.text();
    assert_eq!(log.matches("parts added to the catalogue added=2").count(), 1, "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}
