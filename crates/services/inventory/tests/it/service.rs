//! The use cases, over memory.

use std::{
    io::Write,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use contracts::events::{Event, OrderCancelled, OrderCreated, OrderOf, Received, ShipAssembled};
use contracts::ids::{EventId, OrderId, UserId};
use inventory::{
    error::Error,
    model::{Filter, Lines, NewPart, Page, Reserved, Status},
    repository::{Delivery, Hold, MemoryInventory, Warehouse},
    service::InventoryService,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use platform::ids;
use uuid::Uuid;

use crate::shelf::part;

/// How long a reservation is held.
const TTL: Duration = Duration::from_mins(10);

struct Shop {
    service: InventoryService,
    inventory: MemoryInventory,
    /// Of which there are five.
    part: Uuid,
}

async fn shop() -> Shop {
    let inventory = MemoryInventory::default();
    let (catalogue, warehouse) = (Arc::new(inventory.clone()), Arc::new(inventory.clone()));
    let service = InventoryService::new(catalogue, warehouse, TTL);
    let new = part(5);
    let part = new.uuid;
    service.seed(&[new]).await.unwrap();
    Shop { service, inventory, part }
}

impl Shop {
    fn lines(&self, quantity: i64) -> Lines {
        [(self.part, quantity)].into_iter().collect()
    }

    /// An order whose parts are held or confirmed.
    async fn order(&self, confirm: bool) -> Uuid {
        let order = ids::random();
        self.service.reserve(order, &self.lines(1), confirm).await.unwrap();
        order
    }

    fn status(&self, order: Uuid) -> Status {
        self.inventory.reservations()[&order].status
    }

    async fn available(&self) -> i64 {
        self.service.part(self.part).await.unwrap().stock.available
    }
}

fn received<E: Event<Subject = OrderOf>>(order: Uuid) -> Received<E> {
    Received {
        id: EventId::new(ids::random()),
        subject: OrderOf { order: OrderId::new(order), user: UserId::new(ids::random()) },
        event: E::default(),
    }
}

#[tokio::test]
async fn parts_are_listed_and_found() {
    let shop = shop().await;
    let other: NewPart = part(1);
    shop.service.seed(std::slice::from_ref(&other)).await.unwrap();

    let all = shop.service.parts(&Filter::default(), Page::default()).await.unwrap();
    let first = shop.service.parts(&Filter::default(), Page { after: 0, size: NonZeroU32::new(1) }).await.unwrap();
    let missing = shop.service.part(Uuid::nil()).await;

    assert_eq!(all.iter().map(|part| part.uuid).collect::<Vec<_>>(), [shop.part, other.uuid]);
    assert_eq!(first.len(), 1);
    assert!(matches!(missing, Err(Error::PartNotFound(uuid)) if uuid.is_nil()));
}

#[tokio::test(start_paused = true)]
async fn a_reservation_lasts_for_its_time_unless_it_is_confirmed() {
    let shop = shop().await;
    let (held, confirmed) = (shop.order(false).await, shop.order(true).await);

    tokio::time::sleep(TTL.mul_f64(0.99)).await;
    let before = shop.service.expire().await.unwrap();
    tokio::time::sleep(TTL.mul_f64(0.02)).await;
    let after = shop.service.expire().await.unwrap();

    assert_eq!((before, after), (0, 1));
    assert_eq!((shop.status(held), shop.status(confirmed)), (Status::Expired, Status::Confirmed));
    assert_eq!(shop.available().await, 4);
}

#[tokio::test]
async fn parts_are_released_committed_and_restocked() {
    let shop = shop().await;
    let (released, committed) = (shop.order(true).await, shop.order(true).await);

    shop.service.release(released).await.unwrap();
    shop.service.commit(committed).await.unwrap();
    shop.service.restock(ids::random(), &shop.lines(10)).await.unwrap();

    assert_eq!((shop.status(released), shop.status(committed)), (Status::Released, Status::Committed));
    assert_eq!(shop.available().await, 14);
}

#[tokio::test]
async fn an_order_that_exists_keeps_its_parts() {
    let shop = shop().await;
    let order = shop.order(false).await;

    shop.service.order_created(&received::<OrderCreated>(order), &shop.lines(1)).await.unwrap();

    assert_eq!(shop.status(order), Status::Confirmed);
}

#[tokio::test]
async fn an_order_whose_parts_are_gone_is_no_reason_to_stop() {
    let shop = shop().await;
    let ended = ids::random();
    shop.service.release(ended).await.unwrap();
    let unknown: Lines = [(Uuid::nil(), 1)].into_iter().collect();

    let short = shop.service.order_created(&received::<OrderCreated>(ids::random()), &shop.lines(6)).await;
    let over = shop.service.order_created(&received::<OrderCreated>(ended), &shop.lines(1)).await;
    let strange = shop.service.order_created(&received::<OrderCreated>(ids::random()), &unknown).await;

    assert!(short.is_ok() && over.is_ok());
    assert!(matches!(strange, Err(Error::PartNotFound(_))));
    assert_eq!(shop.available().await, 5);
}

#[tokio::test]
async fn the_end_of_an_order_is_the_end_of_its_reservation() {
    let shop = shop().await;
    let (cancelled, assembled) = (shop.order(true).await, shop.order(true).await);

    shop.service.order_cancelled(&received::<OrderCancelled>(cancelled)).await.unwrap();
    shop.service.order_assembled(&received::<ShipAssembled>(assembled)).await.unwrap();

    assert_eq!((shop.status(cancelled), shop.status(assembled)), (Status::Released, Status::Committed));
    assert_eq!(shop.available().await, 4);
}

/// Counters of what this thread does.
fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().build_recorder()
}

#[tokio::test]
async fn an_order_that_ends_in_two_ways_is_counted_and_passed_over() {
    let shop = shop().await;
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (built, left) = (shop.order(true).await, shop.order(true).await);
    shop.service.commit(built).await.unwrap();
    shop.service.release(left).await.unwrap();

    shop.service.order_cancelled(&received::<OrderCancelled>(built)).await.unwrap();
    shop.service.order_assembled(&received::<ShipAssembled>(left)).await.unwrap();
    shop.service.order_assembled(&received::<ShipAssembled>(ids::random())).await.unwrap();

    let rendered = recorder.handle().render();
    assert!(rendered.contains("inventory_inconsistencies_total 3"), "{rendered}");
    assert_eq!((shop.status(built), shop.status(left)), (Status::Committed, Status::Released));
}

#[tokio::test]
async fn reservations_are_counted_by_how_they_ended() {
    let shop = shop().await;
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let unknown: Lines = [(Uuid::nil(), 1)].into_iter().collect();

    shop.order(false).await;
    shop.order(true).await;
    shop.service.reserve(ids::random(), &shop.lines(9), false).await.unwrap_err();
    shop.service.reserve(ids::random(), &unknown, false).await.unwrap_err();

    let rendered = recorder.handle().render();
    for (outcome, count) in [("reserved", 2), ("out_of_stock", 1), ("refused", 1)] {
        let line = format!("inventory_reservations_total{{outcome=\"{outcome}\"}} {count}");
        assert!(rendered.contains(&line), "{rendered} lacks {line}");
    }
}

/// A warehouse that is away.
struct Away;

fn away<T>() -> Result<T, Error> {
    Err(Error::Unavailable(sqlx::Error::PoolTimedOut))
}

#[async_trait]
impl Warehouse for Away {
    async fn reserve(&self, _: Uuid, _: &Lines, _: Hold, _: Option<Delivery>) -> Result<Vec<Reserved>, Error> {
        away()
    }

    async fn release(&self, _: Uuid, _: Option<Delivery>) -> Result<(), Error> {
        away()
    }

    async fn commit(&self, _: Uuid, _: Option<Delivery>) -> Result<(), Error> {
        away()
    }

    async fn expire(&self, _: i64) -> Result<u64, Error> {
        away()
    }

    async fn restock(&self, _: Uuid, _: &Lines) -> Result<(), Error> {
        away()
    }
}

#[tokio::test]
async fn an_event_is_not_taken_while_the_warehouse_is_away() {
    let service = InventoryService::new(Arc::new(MemoryInventory::default()), Arc::new(Away), TTL);
    let order = ids::random();

    let created = service.order_created(&received::<OrderCreated>(order), &Lines::default()).await;
    let cancelled = service.order_cancelled(&received::<OrderCancelled>(order)).await;
    let assembled = service.order_assembled(&received::<ShipAssembled>(order)).await;
    let expired = service.expire().await;

    for outcome in [created, cancelled, assembled, expired.map(drop)] {
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    }
}

/// What this thread logs, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn seeding_logs_how_many_parts_are_new_and_nothing_when_none_is() {
    let inventory = Arc::new(MemoryInventory::default());
    let service = InventoryService::new(inventory.clone(), inventory, TTL);
    let (log, parts) = (Log::default(), [part(1), part(1)]);
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    service.seed(&parts).await.unwrap();
    service.seed(&parts).await.unwrap();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("the catalogue has new parts added=2").count(), 1, "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}
