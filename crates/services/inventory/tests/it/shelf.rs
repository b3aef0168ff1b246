//! Stores with a few parts on the shelf.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contracts::money::Money;
use inventory::{
    error::Error,
    model::{Category, Dimensions, Manufacturer, NewPart, Reserved, Stock, Value},
    repository::{Catalogue, Hold, MIGRATIONS, MemoryInventory, PgCatalogue, PgWarehouse, Warehouse},
};
use platform::{ids, postgres::Database};
use uuid::Uuid;

pub const LONG: Hold = Hold::For(Duration::from_hours(1));
/// Over as soon as it begins.
pub const OVER: Hold = Hold::For(Duration::ZERO);

#[derive(Clone)]
pub struct Shelf {
    pub catalogue: Arc<dyn Catalogue>,
    pub warehouse: Arc<dyn Warehouse>,
}

pub fn memory() -> Shelf {
    let inventory = MemoryInventory::default();
    Shelf { catalogue: Arc::new(inventory.clone()), warehouse: Arc::new(inventory) }
}

/// The database ends with the answer.
pub async fn postgres() -> (Shelf, testkit::Database) {
    let database = testkit::database(&MIGRATIONS).await;
    (over(&database.pool), database)
}

pub fn over(pool: &Database) -> Shelf {
    let catalogue = Arc::new(PgCatalogue::new(pool.clone()));
    let warehouse = Arc::new(PgWarehouse::new(pool.clone()));
    Shelf { catalogue, warehouse }
}

/// A part of which there are `stock`, at 12.34.
pub fn part(stock: i64) -> NewPart {
    let metadata = [
        ("text", Value::String("x".to_owned())),
        ("whole", Value::Int64(i64::MAX)),
        ("decimal", Value::Double(2.0)),
        ("flag", Value::Bool(false)),
    ];
    NewPart {
        uuid: ids::random(),
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

impl Shelf {
    /// New parts, of which there are so many each.
    pub async fn stocked<const N: usize>(&self, stock: [i64; N]) -> [Uuid; N] {
        let parts = stock.map(part);
        self.catalogue.seed(&parts).await.unwrap();
        parts.map(|part| part.uuid)
    }

    pub async fn stock(&self, part: Uuid) -> Stock {
        self.catalogue.find(part).await.unwrap().unwrap().stock
    }

    pub async fn available(&self, part: Uuid) -> i64 {
        let stock = self.stock(part).await;
        assert!(stock.adds_up(), "{stock:?}");
        stock.available
    }

    pub async fn reserve(&self, order: Uuid, lines: &[(Uuid, i64)], hold: Hold) -> Result<Vec<Reserved>, Error> {
        self.warehouse.reserve(order, &lines.iter().copied().collect(), hold, None).await
    }
}
