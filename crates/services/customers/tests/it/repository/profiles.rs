//! Customers and their checks in the repository.

use std::time::Duration;

use customers::model::{Customer, KycStatus, Reason, Verdict, Words};
use testkit::new_user;

use super::Store;
use crate::profile;

#[tokio::test]
async fn a_customer_is_written_once_and_read_as_it_was_written() {
    let store = &Store::new().await;
    let id = new_user();
    assert_eq!(store.repository.find(id).await.unwrap(), None);
    let customer = store.create(id).await;

    let (again, event) = Customer::create(id, profile("Bob"), None).unwrap();
    assert_eq!(store.repository.save(None, &again, &event).await.unwrap(), None);

    let known = store.repository.find(id).await.unwrap().unwrap();
    assert_eq!(known.customer, customer);
    assert_eq!(known.created_at, known.updated_at);
    assert_eq!(store.events(id).await, ["events.v1.CustomerCreated"]);
}

#[tokio::test]
async fn a_change_is_written_to_the_version_that_was_read_alone() {
    let store = &Store::new().await;
    let mut customer = store.create(new_user()).await;
    let mut stale = customer.clone();
    store.change(&mut customer, |customer| customer.decide(Verdict::Approved)).await;
    store.change(&mut customer, |customer| customer.update(profile("Bob"), 2).ok()).await;
    store.change(&mut customer, |customer| customer.decide(Verdict::Refused(Words::fitting("no")))).await;

    let event = stale.decide(Verdict::Refused(None)).unwrap();
    assert_eq!(store.repository.save(Some(1), &stale, &event).await.unwrap(), None);
    let unknown = Customer { id: new_user(), ..stale.clone() };
    assert_eq!(store.repository.save(Some(1), &unknown, &event).await.unwrap(), None);

    let known = store.repository.find(customer.id).await.unwrap().unwrap();
    assert_eq!(known.customer, customer);
    assert_eq!((known.customer.version, known.customer.status()), (4, KycStatus::Verified));
    let why = known.customer.why.unwrap();
    assert_eq!((why.reason, why.words.unwrap().as_str()), (Reason::RolledBack, "no"));
    assert_eq!(store.events(customer.id).await.len(), 4);
}

#[tokio::test]
async fn a_check_is_leased_until_it_has_a_verdict() {
    let store = &Store::new().await;
    let mut customer = store.create(new_user()).await;

    let due = store.repository.due_checks(10).await.unwrap();
    assert_eq!(due.iter().map(|check| (check.customer, check.version)).collect::<Vec<_>>(), [(customer.id, 1)]);
    assert_eq!(due[0].lease, Duration::from_secs(2));
    assert!(store.repository.due_checks(10).await.unwrap().is_empty());
    store.change(&mut customer, |customer| customer.decide(Verdict::Approved)).await;
    store.change(&mut customer, |customer| customer.update(profile("Bob"), 2).ok()).await;

    let due = store.repository.due_checks(10).await.unwrap();
    assert_eq!(due.iter().map(|check| (check.customer, check.version)).collect::<Vec<_>>(), [(customer.id, 3)]);
}
