//! The repository.

mod loans;
mod odd_rows;
mod profiles;

use contracts::ids::UserId;
use customers::{
    model::{Customer, Event, Verdict},
    repository::{MIGRATIONS, PgRepository, Saved},
};
use platform::postgres::Database;

use crate::profile;

/// A repository under test, with access to the data that it does not return.
struct Store {
    repository: PgRepository,
    pool: Database,
}

impl Store {
    async fn new() -> Self {
        Self::of(testkit::database(&MIGRATIONS).await.pool)
    }

    /// Returns the repository in a database.
    fn of(pool: Database) -> Self {
        Self { repository: PgRepository::new(pool.clone()), pool }
    }

    /// The types of the customer's events in the outbox, in the order of writing.
    async fn events(&self, customer: UserId) -> Vec<String> {
        sqlx::query_scalar("select event_type from outbox where key = $1 order by id")
            .bind(customer.uuid())
            .fetch_all(&self.pool)
            .await
            .expect("the outbox can be read")
    }

    async fn create(&self, id: UserId) -> Customer {
        let (customer, event) = Customer::create(id, profile("Ann"), None).unwrap();
        self.repository.save(None, &customer, &event).await.unwrap().expect("there was none");
        customer
    }

    /// Applies a transition to the customer and saves it.
    async fn change(&self, customer: &mut Customer, transition: impl FnOnce(&mut Customer) -> Option<Event>) -> Saved {
        let before = customer.version;
        let event = transition(customer).expect("the transition is allowed");
        self.repository.save(Some(before), customer, &event).await.unwrap().expect("no other change was written")
    }

    async fn verified(&self, id: UserId) -> Customer {
        let mut customer = self.create(id).await;
        self.change(&mut customer, |customer| customer.decide(Verdict::Approved)).await;
        customer
    }
}
