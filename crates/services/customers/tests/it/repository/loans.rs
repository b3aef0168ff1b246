//! Loans in the repository.

use std::time::Duration;

use contracts::ids::UserId;
use customers::{
    model::{Customer, LoanId, LoanStatus, Verdict},
    repository::Decided,
};
use platform::auth::Author;
use testkit::new_user;

use super::Store;
use crate::loan;

async fn statuses(store: &Store, customer: UserId) -> Vec<LoanStatus> {
    store.repository.list_loans(customer, None, 10).await.unwrap().0.iter().map(|loan| loan.status).collect()
}

#[tokio::test]
async fn the_newest_loans_are_listed_first_and_page_by_page() {
    let store = &Store::new().await;
    let customer = new_user();
    for number in 0..5 {
        store.repository.receive_loan(&loan(&number.to_string(), customer, 100)).await.unwrap();
        store.repository.receive_loan(&loan(&format!("of another {number}"), new_user(), 100)).await.unwrap();
    }

    let (mut pages, mut after) = (Vec::new(), None);
    for _ in 0..3 {
        let (loans, next) = store.repository.list_loans(customer, after.as_ref(), 2).await.unwrap();
        pages.push(loans.iter().map(|loan| loan.id.to_string()).collect::<Vec<_>>());
        after = next.and_then(LoanId::new);
    }

    assert_eq!(
        (pages, after),
        (vec![vec!["4".to_owned(), "3".to_owned()], vec!["2".to_owned(), "1".to_owned()], vec!["0".to_owned()]], None)
    );
    let of_another = LoanId::new("of another 4").unwrap();
    assert_eq!(store.repository.list_loans(customer, Some(&of_another), 2).await.unwrap(), (Vec::new(), None));
}

#[tokio::test]
async fn a_loan_is_decided_as_its_customer_is() {
    let store = &Store::new().await;
    let pending = store.create(new_user()).await;
    let verified = store.verified(new_user()).await;
    let mut rejected = store.verified(new_user()).await;
    store.change(&mut rejected, |customer| customer.revoke(None, Author::part("test")).ok().flatten()).await;
    let mut erased = store.verified(new_user()).await;
    store.change(&mut erased, Customer::erase).await;

    for (name, customer, status) in [
        ("a", pending.id, LoanStatus::Held),
        ("b", verified.id, LoanStatus::Crediting),
        ("c", rejected.id, LoanStatus::Refused),
        ("d", erased.id, LoanStatus::Refused),
    ] {
        assert_eq!(store.repository.receive_loan(&loan(name, customer, 1)).await.unwrap(), Some(status), "{name}");
    }
    assert_eq!(store.repository.decide_held(None, 10).await.unwrap(), Decided::default());
}

#[tokio::test]
async fn a_verdict_decides_held_loans() {
    let store = &Store::new().await;
    let (first, second, other) = (new_user(), new_user(), new_user());
    for (name, customer) in [("a", first), ("b", first), ("c", second), ("d", other)] {
        store.repository.receive_loan(&loan(name, customer, 1)).await.unwrap();
    }
    let (mut approved, mut refused) = (store.create(first).await, store.create(second).await);

    let saved = store.change(&mut approved, |customer| customer.decide(Verdict::Approved)).await;
    assert_eq!((saved.crediting, saved.refused), (2, 0));
    let saved = store.change(&mut refused, |customer| customer.decide(Verdict::Refused(None))).await;
    assert_eq!((saved.crediting, saved.refused), (0, 1));

    assert_eq!(statuses(store, first).await, [LoanStatus::Crediting; 2]);
    assert_eq!(statuses(store, second).await, [LoanStatus::Refused]);
    assert_eq!(statuses(store, other).await, [LoanStatus::Held]);
}

#[tokio::test]
async fn held_loans_are_read_in_pages() {
    let store = &Store::new().await;
    let pending = store.create(new_user()).await;
    for number in 0..7 {
        let customer = if number % 2 == 0 { new_user() } else { pending.id };
        store.repository.receive_loan(&loan(&number.to_string(), customer, 1)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(20)).await;

    let (mut refused, mut after) = (Vec::new(), None);
    for _ in 0..3 {
        let page = store.repository.refuse_unknown(Duration::from_millis(10), after.as_ref(), 3).await.unwrap();
        refused.push((page.refused, page.next.as_ref().map(|next| next.loan_id.clone())));
        after = page.next;
    }
    assert_eq!(refused, [(2, Some("2".to_owned())), (1, Some("5".to_owned())), (1, None)]);

    let newest = store.repository.decide_held(None, 2).await.unwrap();
    let oldest = store.repository.decide_held(newest.next.as_ref(), 2).await.unwrap();
    assert_eq!(newest.next.map(|next| next.loan_id), Some("3".to_owned()));
    assert_eq!((newest.crediting + newest.refused, oldest), (0, Decided::default()));
}

#[tokio::test]
async fn a_loan_is_leased_until_it_is_credited() {
    let store = &Store::new().await;
    let customer = store.verified(new_user()).await;
    let new = loan("one", customer.id, 650_000);
    store.repository.receive_loan(&new).await.unwrap();

    let due = store.repository.due_credits(10).await.unwrap();
    assert_eq!(
        due.iter().map(|(loan, _)| (loan.id.clone(), loan.amount.minor())).collect::<Vec<_>>(),
        [(new.id.clone(), 650_000)]
    );
    assert!(store.repository.due_credits(10).await.unwrap().is_empty());

    assert!(store.repository.end_credit(&new.id, None).await.unwrap());
    assert!(!store.repository.end_credit(&new.id, Some("LATE")).await.unwrap());
    assert_eq!(statuses(store, customer.id).await, [LoanStatus::Credited]);
}
