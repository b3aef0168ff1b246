//! Rows that the use cases do not write, or write only in a race.

use std::{sync::Arc, time::Duration};

use customers::{
    client::BuiltIn,
    model::LoanStatus,
    repository::{MIGRATIONS, PgRepository},
    service::CustomerService,
};
use outbox::Waker;
use platform::postgres::Database;
use testkit::new_user;

use super::Store;
use crate::{loan, service::Payment};

async fn service() -> (Store, Database, CustomerService) {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let repository = PgRepository::new(pool.clone());
    let (checker, payment) = (Arc::new(BuiltIn::default()), Arc::new(Payment::default()));
    let service = CustomerService::new(repository, checker, payment, Waker::default(), Duration::from_hours(24));
    (Store::of(pool.clone()), pool, service)
}

/// A loan that is received during its customer's verification may stay held.
#[tokio::test]
async fn a_missed_loan_is_decided_behind_any_number_of_held_ones() {
    let (store, pool, service) = service().await;
    let customer = store.verified(new_user()).await;
    let hold = "update loans set status = 'held', customer_version = null, decided_at = null, received_at = $2
        where loan_id = $1";
    let now = platform::clock::now();
    for (name, age) in [("newest", 0), ("oldest", 3)] {
        store.repository.receive_loan(&loan(name, customer.id, 1)).await.unwrap();
        let received_at = now - chrono::TimeDelta::hours(age);
        sqlx::query(hold).bind(name).bind(received_at).execute(&pool).await.unwrap();
    }
    let backlog = "insert into loans (loan_id, customer_uuid, amount, status, received_at)
        select 'loan ' || number, gen_random_uuid(), 1, 'held', $1 - make_interval(secs => number)
        from generate_series(1, 5000) as number";
    sqlx::query(backlog).bind(now).execute(&pool).await.unwrap();

    let first = service.decide_loans().await.unwrap();
    let mut rounds = 1;
    while service.decide_loans().await.unwrap().count == 0 {
        rounds += 1;
    }

    assert_eq!((first.count, first.more), (1, false));
    assert!(rounds <= 5000 / 500 + 1, "{rounds}");
    let loans = store.repository.list_loans(customer.id, None, 10).await.unwrap().0;
    assert!(loans.iter().all(|loan| loan.status == LoanStatus::Crediting), "{loans:?}");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_ends_no_list() {
    let (store, pool, _) = service().await;
    let customer = store.verified(new_user()).await;
    for name in ["a", "b", "c"] {
        store.repository.receive_loan(&loan(name, customer.id, 1)).await.unwrap();
    }
    // With this id the row cannot be decoded.
    sqlx::query("update loans set loan_id = E'b\\n' where loan_id = 'b'").execute(&pool).await.unwrap();

    let loans = store.repository.list_loans(customer.id, None, 10).await.unwrap().0;
    let due = store.repository.due_credits(10).await.unwrap();

    assert_eq!(loans.iter().map(|loan| loan.id.as_str()).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!(due.len(), 2, "and holds up no credit");
}
