//! Rows that the use cases do not write, or write only in a race.

use std::{sync::Arc, time::Duration};

use contracts::ids::UserId;
use customers::{
    model::LoanStatus,
    repository::{MIGRATIONS, PgRepository},
    service::CustomerService,
};
use platform::{outbox::Waker, postgres::Database};

use super::store::Store;
use crate::{
    fakes::{Checker, Payment},
    loan, new_customer,
};

async fn service() -> (Store, Database, CustomerService) {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let repository = Arc::new(PgRepository::new(pool.clone()));
    let (checker, payment) = (Arc::new(Checker::default()), Arc::new(Payment::default()));
    let service = CustomerService::new(repository, checker, payment, Waker::default(), Duration::from_hours(24));
    (Store::of(pool.clone()), pool, service)
}

/// An inconsistent row holds up no other row of its batch.
#[tokio::test]
async fn an_inconsistent_loan_holds_up_no_other() {
    let store = Store::new().await;
    let customer = store.verified(new_customer()).await;
    for id in ["bad", "good"] {
        store.loans.receive(&loan(id, customer.id, 650_000)).await.unwrap();
    }
    store.set_amount("bad", contracts::money::MAX + 1).await;

    let due = store.loans.due_credits(10).await.unwrap();

    assert_eq!(due.iter().map(|(loan, _)| loan.id.as_str()).collect::<Vec<_>>(), ["good"]);
}

/// A loan that is received during its customer's verification may stay held.
#[tokio::test]
async fn a_missed_loan_is_decided_behind_any_number_of_held_ones() {
    let (store, pool, service) = service().await;
    let customer = store.verified(new_customer()).await;
    let hold = "update loans set status = 'held', customer_version = null, decided_at = null, received_at = $2
        where loan_id = $1";
    let now = platform::clock::now();
    for (name, age) in [("newest", 0), ("oldest", 3)] {
        store.loans.receive(&loan(name, customer.id, 1)).await.unwrap();
        let received_at = now - chrono::TimeDelta::hours(age);
        sqlx::query(hold).bind(name).bind(received_at).execute(&pool).await.unwrap();
    }
    let backlog = "insert into loans (loan_id, customer_uuid, amount, status, received_at)
        select 'loan ' || number, gen_random_uuid(), 1, 'held', $1 - make_interval(secs => number)
        from generate_series(1, 5000) as number";
    sqlx::query(backlog).bind(now).execute(&pool).await.unwrap();

    let first = service.decide_loans().await.unwrap();
    let mut rounds = 1;
    while service.decide_loans().await.unwrap().0 == 0 {
        rounds += 1;
    }

    assert_eq!(first, (1, false));
    assert!(rounds <= 5000 / 500 + 1, "{rounds}");
    let loans = store.loans.list(customer.id, None, 10).await.unwrap().0;
    assert!(loans.iter().all(|loan| loan.status == LoanStatus::Crediting), "{loans:?}");
}

/// Receives the loans `a`, `b` and `c` of a customer, whom it returns, and gives `b` an invalid id, so that its row
/// cannot be decoded.
async fn with_an_unreadable_loan(store: &Store, pool: &Database) -> UserId {
    let customer = store.verified(new_customer()).await;
    for name in ["a", "b", "c"] {
        store.loans.receive(&loan(name, customer.id, 1)).await.unwrap();
    }
    sqlx::query("update loans set loan_id = E'b\\n' where loan_id = 'b'").execute(pool).await.unwrap();
    customer.id
}

#[tokio::test]
async fn a_row_that_cannot_be_read_does_not_delay_the_others() {
    let (store, pool, _) = service().await;
    with_an_unreadable_loan(&store, &pool).await;

    let due = store.loans.due_credits(10).await.unwrap();

    let mut ids: Vec<_> = due.iter().map(|(loan, _)| loan.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a", "c"]);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_ends_no_list() {
    let (store, pool, _) = service().await;
    let customer = with_an_unreadable_loan(&store, &pool).await;

    let loans = store.loans.list(customer, None, 10).await.unwrap().0;

    assert_eq!(loans.iter().map(|loan| loan.id.as_str()).collect::<Vec<_>>(), ["c", "a"]);
}
