//! The fixture of the store tests: a catalogue and a warehouse with a few parts.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contracts::{
    ids::{OrderId, PartId, UserId},
    money::Money,
};
use inventory::{
    error::Error,
    model::{Category, Dimensions, Expiry, Holder, Manufacturer, MaxShare, NewPart, ReservedLine, Stock, Value},
    repository::{
        Catalogue, Due, MIGRATIONS, MemoryInventory, PgCatalogue, PgWarehouse, ReservationRequest, Warehouse,
    },
};
use platform::postgres::Database;
use testkit::new_part;

pub const LATER: Expiry = Expiry::After(Duration::from_hours(1));
/// The reservation expires at once.
pub const AT_ONCE: Expiry = Expiry::After(Duration::ZERO);

#[derive(Clone)]
pub struct Fixture {
    pub catalogue: Arc<dyn Catalogue>,
    pub warehouse: Arc<dyn Warehouse>,
}

pub fn memory() -> Fixture {
    let inventory = MemoryInventory::default();
    Fixture { catalogue: Arc::new(inventory.clone()), warehouse: Arc::new(inventory) }
}

/// The stores over a new database, which is dropped with its handle.
pub async fn postgres() -> (Fixture, testkit::Database) {
    let database = testkit::database(&MIGRATIONS).await;
    (over(&database.pool), database)
}

pub fn over(pool: &Database) -> Fixture {
    let catalogue = Arc::new(PgCatalogue::new(pool.clone()));
    let warehouse = Arc::new(PgWarehouse::new(pool.clone()));
    Fixture { catalogue, warehouse }
}

/// A new part with this stock and a price of 12.34.
pub fn part(stock: i64) -> NewPart {
    let metadata = [
        ("text", Value::String("x".to_owned())),
        ("whole", Value::Int64(i64::MAX)),
        ("decimal", Value::Double(2.0)),
        ("flag", Value::Bool(false)),
    ];
    NewPart {
        id: new_part(),
        name: "Thruster".to_owned(),
        description: "Turns the ship.".to_owned(),
        price: Money::from_minor(1234).unwrap(),
        stock,
        category: Category::Engine,
        dimensions: Dimensions { length: 1.5, width: 2.0, height: 0.0, weight: 1e-3 },
        manufacturer: Manufacturer {
            name: "Orbital".to_owned(),
            country: "Japan".to_owned(),
            website: "https://orbital.example".to_owned(),
        },
        tags: vec!["small".to_owned(), "attitude".to_owned()],
        metadata: BTreeMap::from(metadata.map(|(key, value)| (key.to_owned(), value))),
    }
}

pub fn request(order: OrderId, lines: &[(PartId, i64)], expiry: Expiry, holder: Option<Holder>) -> ReservationRequest {
    ReservationRequest { order, lines: lines.iter().copied().collect(), expiry, holder }
}

impl Fixture {
    /// Adds one new part for each of the given initial stocks.
    pub async fn stocked<const N: usize>(&self, stock: [i64; N]) -> [PartId; N] {
        let parts = stock.map(part);
        self.catalogue.seed(&parts).await.unwrap();
        parts.map(|part| part.id)
    }

    pub async fn stock(&self, part: PartId) -> Stock {
        self.catalogue.find(part).await.unwrap().unwrap().stock
    }

    pub async fn available(&self, part: PartId) -> i64 {
        let stock = self.stock(part).await;
        assert!(stock.adds_up(), "{stock:?}");
        stock.available
    }

    pub async fn reserve(
        &self,
        order: OrderId,
        lines: &[(PartId, i64)],
        expiry: Expiry,
    ) -> Result<Vec<ReservedLine>, Error> {
        self.warehouse.reserve(vec![request(order, lines, expiry, None)]).await.remove(0)
    }

    /// Reserves for a user who may hold a quarter of a part.
    pub async fn reserve_for(
        &self,
        user: UserId,
        order: OrderId,
        lines: &[(PartId, i64)],
        expiry: Expiry,
    ) -> Result<Vec<ReservedLine>, Error> {
        let holder = Holder { user, max_share: MaxShare::new(0.25).unwrap() };
        self.warehouse.reserve(vec![request(order, lines, expiry, Some(holder))]).await.remove(0)
    }

    pub async fn due(&self, limit: i64) -> Vec<OrderId> {
        self.warehouse.due(limit).await.unwrap().orders
    }

    /// Expires the due reservations of these orders, as if the orders did not exist now.
    pub async fn expire_these(&self, orders: &[OrderId]) -> Result<u64, Error> {
        let read_at = self.warehouse.due(1).await?.read_at;
        self.warehouse.expire(orders, read_at).await
    }

    /// Expires at most `limit` due reservations, as if none of their orders existed. Returns their number.
    pub async fn expire(&self, limit: i64) -> Result<u64, Error> {
        let Due { orders, read_at } = self.warehouse.due(limit).await?;
        self.warehouse.expire(&orders, read_at).await
    }
}
