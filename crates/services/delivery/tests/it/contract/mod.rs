//! The contract of the repository, for PostgreSQL and the in-memory implementation.

mod damaged_rows;
mod deliveries;
mod dispatch;

use std::{sync::Arc, time::Duration};

use contracts::ids::OrderId;
use deliveries::*;
use delivery::repository::{Couriers, Deliveries, Dispatch, LEASE_NAME, MIGRATIONS, MemoryRepository, PgRepository};
use dispatch::*;
use outbox::{Lease, PgLease};
use platform::postgres::Database;

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::memory()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::postgres().await).await;
            })*
        }
    };
}

contract!(
    a_new_delivery_is_written_once_with_its_events,
    a_delivery_changes_only_from_the_state_that_was_read,
    an_early_event_is_kept_and_found_by_the_payment,
    early_events_of_many_orders_at_once_are_each_kept_alone,
    an_early_event_that_meets_the_payment_is_not_taken_for_one_without_a_delivery,
    a_delivery_is_shown_with_its_courier_while_it_is_carried,
    active_orders_are_those_that_wait_or_are_carried_in_their_order,
    couriers_are_seeded_once_and_listed_in_the_order_of_adding,
    a_place_is_added_to_a_courier_that_exists,
    a_courier_has_at_most_a_hundred_places,
    waiting_orders_are_read_by_age_and_never_those_that_are_too_large,
    an_order_and_its_courier_are_given_to_each_other_once,
    a_courier_that_has_moved_since_the_decision_gets_no_order,
    a_free_courier_carries_no_order,
    an_order_and_a_courier_that_are_moved_back_hold_up_no_others,
    a_step_moves_the_courier_and_completes_the_order_at_its_cell,
    a_basket_and_an_order_with_one_uuid_have_a_delivery_each,
    trips_are_read_page_by_page,
    a_replica_that_lost_the_lease_moves_nothing,
);

/// A repository under test, with access to the data that its traits do not return.
struct Store {
    deliveries: Arc<dyn Deliveries>,
    couriers: Arc<dyn Couriers>,
    dispatch: Arc<dyn Dispatch>,
    /// The lease for moving couriers, as two replicas acquire it.
    lease: Arc<dyn Lease>,
    rival: Arc<dyn Lease>,
    tables: Tables,
}

enum Tables {
    Memory(MemoryRepository),
    Postgres(Database),
}

fn memory() -> Store {
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

async fn postgres() -> Store {
    store_of(testkit::database(&MIGRATIONS).await.pool)
}

fn store_of(pool: Database) -> Store {
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
    async fn events(&self, order: OrderId) -> Vec<String> {
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
    async fn handled(&self, consumer: &'static str) -> usize {
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
    async fn epoch(&self) -> i64 {
        let taken = self.lease.acquire(Duration::from_mins(1)).await.expect("the lease can be asked for");
        taken.expect("no other replica has it")
    }
}
