//! Tests of the use cases over the in-memory implementation.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::ids::{OrderId, PartId};
use inventory::{
    error::Error,
    model::{Filter, Lines, NewPart, Page, Reserved, Status},
    repository::{Cause, Expiry, MemoryInventory, Warehouse},
    service::InventoryService,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use platform::{ids, postgres::DatabaseError};
use testkit::Log;
use tracing::Level;
use uuid::Uuid;

use crate::fixture::{new_event, new_order, part};

/// The time after which an unconfirmed reservation expires.
const TTL: Duration = Duration::from_mins(10);

struct Fixture {
    service: InventoryService,
    inventory: MemoryInventory,
    /// A part with a stock of 5 units.
    part: PartId,
}

async fn fixture() -> Fixture {
    let inventory = MemoryInventory::default();
    let (catalogue, warehouse) = (Arc::new(inventory.clone()), Arc::new(inventory.clone()));
    let service = InventoryService::new(catalogue, warehouse, TTL);
    let new = part(5);
    let part = new.id;
    service.seed(&[new]).await.unwrap();
    Fixture { service, inventory, part }
}

impl Fixture {
    fn lines(&self, quantity: i64) -> Lines {
        [(self.part, quantity)].into_iter().collect()
    }

    /// Returns a new order whose reservation is confirmed if `confirm` is set, otherwise held.
    async fn order(&self, confirm: bool) -> OrderId {
        let order = new_order();
        self.service.reserve(order, &self.lines(1), confirm).await.unwrap();
        order
    }

    fn status(&self, order: OrderId) -> Status {
        self.inventory.reservations()[&order].status
    }

    async fn available(&self) -> i64 {
        self.service.part(self.part).await.unwrap().stock.available
    }
}

#[tokio::test]
async fn parts_are_listed_and_found() {
    let fixture = fixture().await;
    let other: NewPart = part(1);
    fixture.service.seed(std::slice::from_ref(&other)).await.unwrap();

    let all = fixture.service.parts(&Filter::default(), Page::default()).await.unwrap();
    let first = fixture.service.parts(&Filter::default(), Page { after: 0, size: NonZeroU32::new(1) }).await.unwrap();
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
    let before = fixture.service.expire().await.unwrap();
    tokio::time::sleep(TTL.mul_f64(0.02)).await;
    let after = fixture.service.expire().await.unwrap();

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
    fixture.service.restock(ids::random(), &fixture.lines(10)).await.unwrap();

    assert_eq!((fixture.status(released), fixture.status(committed)), (Status::Released, Status::Committed));
    assert_eq!(fixture.available().await, 14);
}

#[tokio::test]
async fn a_created_order_confirms_its_reservation() {
    let fixture = fixture().await;
    let order = fixture.order(false).await;

    fixture.service.order_created(new_event(), order, &fixture.lines(1)).await.unwrap();

    assert_eq!(fixture.status(order), Status::Confirmed);
}

#[tokio::test]
async fn a_created_order_without_stock_is_skipped() {
    let fixture = fixture().await;
    let ended = new_order();
    fixture.service.release(ended).await.unwrap();
    let unknown: Lines = [(PartId::new(Uuid::nil()), 1)].into_iter().collect();

    let short = fixture.service.order_created(new_event(), new_order(), &fixture.lines(6)).await;
    let over = fixture.service.order_created(new_event(), ended, &fixture.lines(1)).await;
    let strange = fixture.service.order_created(new_event(), new_order(), &unknown).await;

    assert!(short.is_ok() && over.is_ok());
    assert!(matches!(strange, Err(Error::PartNotFound(_))));
    assert_eq!(fixture.available().await, 5);
}

#[tokio::test]
async fn a_cancelled_order_releases_and_an_assembled_one_commits() {
    let fixture = fixture().await;
    let (cancelled, assembled) = (fixture.order(true).await, fixture.order(true).await);

    fixture.service.order_cancelled(new_event(), cancelled).await.unwrap();
    fixture.service.ship_assembled(new_event(), assembled).await.unwrap();

    assert_eq!((fixture.status(cancelled), fixture.status(assembled)), (Status::Released, Status::Committed));
    assert_eq!(fixture.available().await, 4);
}

/// Returns a metrics recorder, which a test installs for its thread.
fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().build_recorder()
}

#[tokio::test]
async fn an_event_that_contradicts_the_reservation_is_counted_and_skipped() {
    let fixture = fixture().await;
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (built, left) = (fixture.order(true).await, fixture.order(true).await);
    fixture.service.commit(built).await.unwrap();
    fixture.service.release(left).await.unwrap();

    fixture.service.order_cancelled(new_event(), built).await.unwrap();
    fixture.service.ship_assembled(new_event(), left).await.unwrap();
    fixture.service.ship_assembled(new_event(), new_order()).await.unwrap();

    let rendered = recorder.handle().render();
    assert!(rendered.contains("inventory_inconsistencies_total 3"), "{rendered}");
    assert_eq!((fixture.status(built), fixture.status(left)), (Status::Committed, Status::Released));
}

#[tokio::test]
async fn reservations_are_counted_by_outcome() {
    let fixture = fixture().await;
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let unknown: Lines = [(PartId::new(Uuid::nil()), 1)].into_iter().collect();

    fixture.order(false).await;
    fixture.order(true).await;
    fixture.service.reserve(new_order(), &fixture.lines(9), false).await.unwrap_err();
    fixture.service.reserve(new_order(), &unknown, false).await.unwrap_err();

    let rendered = recorder.handle().render();
    for (outcome, count) in [("reserved", 2), ("out_of_stock", 1), ("refused", 1)] {
        let line = format!("inventory_reservations_total{{outcome=\"{outcome}\"}} {count}");
        assert!(rendered.contains(&line), "{rendered} lacks {line}");
    }
}

/// A warehouse whose database is unavailable.
struct Unavailable;

fn unavailable<T>() -> Result<T, Error> {
    Err(sqlx::Error::PoolTimedOut.into())
}

#[async_trait]
impl Warehouse for Unavailable {
    async fn reserve(&self, _: OrderId, _: &Lines, _: Expiry, _: Option<Cause>) -> Result<Vec<Reserved>, Error> {
        unavailable()
    }

    async fn release(&self, _: OrderId, _: Option<Cause>) -> Result<(), Error> {
        unavailable()
    }

    async fn commit(&self, _: OrderId, _: Option<Cause>) -> Result<(), Error> {
        unavailable()
    }

    async fn expire(&self, _: i64) -> Result<u64, Error> {
        unavailable()
    }

    async fn restock(&self, _: Uuid, _: &Lines) -> Result<(), Error> {
        unavailable()
    }
}

#[tokio::test]
async fn an_event_fails_while_the_database_is_unavailable() {
    let service = InventoryService::new(Arc::new(MemoryInventory::default()), Arc::new(Unavailable), TTL);
    let order = new_order();

    let created = service.order_created(new_event(), order, &Lines::default()).await;
    let cancelled = service.order_cancelled(new_event(), order).await;
    let assembled = service.ship_assembled(new_event(), order).await;
    let expired = service.expire().await;

    for outcome in [created, cancelled, assembled, expired.map(drop)] {
        assert!(matches!(outcome, Err(Error::Database(DatabaseError::Unavailable(_)))), "{outcome:?}");
    }
}

#[tokio::test]
async fn seeding_logs_how_many_parts_are_new_and_nothing_when_none_is() {
    let inventory = Arc::new(MemoryInventory::default());
    let service = InventoryService::new(inventory.clone(), inventory, TTL);
    let parts = [part(1), part(1)];
    let (log, _guard) = Log::capture(Level::INFO);

    service.seed(&parts).await.unwrap();
    service.seed(&parts).await.unwrap();

    let log = log.text();
    assert_eq!(log.matches("parts added to the catalogue added=2").count(), 1, "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}
