//! A repository under test, with access to the data that its traits do not return.

use std::{sync::Arc, time::Duration};

use contracts::ids::OrderId;
use delivery::repository::{Couriers, Deliveries, Dispatch, LEASE_NAME, MIGRATIONS, MemoryRepository, PgRepository};
use outbox::{Lease, PgLease};
use platform::postgres::Database;

pub struct Store {
    pub deliveries: Arc<dyn Deliveries>,
    pub couriers: Arc<dyn Couriers>,
    pub dispatch: Arc<dyn Dispatch>,
    /// The lease for moving couriers, as two replicas acquire it.
    pub lease: Arc<dyn Lease>,
    pub rival: Arc<dyn Lease>,
    tables: Tables,
}

enum Tables {
    Memory(MemoryRepository),
    Postgres(Database),
}

pub fn memory() -> Store {
    let repository = MemoryRepository::default();
    let lease = Arc::new(repository.lease.clone());
    let rival = Arc::new(repository.lease.rival("another"));
    let shared = Arc::new(repository.clone());
    Store {
        deliveries: shared.clone(),
        couriers: shared.clone(),
        dispatch: shared,
        lease,
        rival,
        tables: Tables::Memory(repository),
    }
}

pub async fn postgres() -> Store {
    of(testkit::database(&MIGRATIONS).await.pool)
}

pub fn of(pool: Database) -> Store {
    let repository = Arc::new(PgRepository::new(pool.clone()));
    let lease = |holder: &str| Arc::new(PgLease::new(pool.clone(), &outbox::Tables::default(), LEASE_NAME, holder));
    Store {
        deliveries: repository.clone(),
        couriers: repository.clone(),
        dispatch: repository,
        lease: lease("mover"),
        rival: lease("another"),
        tables: Tables::Postgres(pool),
    }
}

impl Store {
    /// The types of the order's events in the outbox, in the order of writing.
    pub async fn events(&self, order: OrderId) -> Vec<String> {
        match &self.tables {
            Tables::Memory(repository) => {
                let events = repository.outbox.events();
                let own = events.into_iter().filter(|(event, _)| event.key == order.uuid());
                own.map(|(event, _)| event.kind.to_owned()).collect()
            }
            Tables::Postgres(pool) => sqlx::query_scalar("select event_type from outbox where key = $1 order by id")
                .bind(order.uuid())
                .fetch_all(pool)
                .await
                .expect("the outbox can be read"),
        }
    }

    /// The number of events that this consumer has handled.
    pub async fn handled(&self, consumer: &'static str) -> usize {
        match &self.tables {
            Tables::Memory(repository) => repository.inbox.events(consumer).len(),
            Tables::Postgres(pool) => {
                let count: i64 = sqlx::query_scalar("select count(*) from inbox where consumer = $1")
                    .bind(consumer)
                    .fetch_one(pool)
                    .await
                    .expect("the inbox can be read");
                usize::try_from(count).expect("a count")
            }
        }
    }

    /// Acquires the lease for moving couriers and returns its epoch.
    pub async fn epoch(&self) -> i64 {
        let taken = self.lease.acquire(Duration::from_mins(1)).await.expect("the lease can be asked for");
        taken.expect("no other replica has it")
    }
}
