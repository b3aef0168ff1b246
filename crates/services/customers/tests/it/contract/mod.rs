//! The contract of the repository, for PostgreSQL and the in-memory implementation.

mod loans;
mod odd_rows;
mod profiles;
mod store;

use loans::*;
use profiles::*;

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::store::memory()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::store::postgres().await).await;
            })*
        }
    };
}

contract!(
    a_customer_is_written_once_and_read_as_it_was_written,
    a_change_is_written_to_the_version_that_was_read_alone,
    a_check_is_leased_until_it_has_a_verdict,
    an_erased_customer_has_no_data_and_may_come_back,
    a_loan_is_received_once_and_its_id_stands_for_it,
    a_loan_is_decided_as_its_customer_is,
    a_verdict_decides_held_loans,
    a_hold_ends_for_users_who_are_no_customers,
    held_loans_are_read_in_pages,
    a_loan_is_leased_until_it_is_credited,
);

/// An inconsistent row of PostgreSQL holds up no other row of its batch.
#[tokio::test]
async fn an_inconsistent_loan_holds_up_no_other() {
    let store = store::postgres().await;
    let customer = store.verified(crate::new_customer()).await;
    for id in ["bad", "good"] {
        store.loans.receive(&crate::loan(id, customer.id, 650_000)).await.unwrap();
    }
    store.set_amount("bad", contracts::money::MAX + 1).await;

    let due = store.loans.due_credits(10).await.unwrap();

    assert_eq!(due.iter().map(|(loan, _)| loan.id.as_str()).collect::<Vec<_>>(), ["good"]);
}
