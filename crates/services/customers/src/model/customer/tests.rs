//! Tests of the transitions from each state of a customer.

use uuid::Uuid;

use super::*;
use crate::model::{Address, BirthDate, Name};

fn profile(name: &str) -> Profile {
    let today = "2026-01-01".parse().unwrap();
    Profile {
        name: Name::new(name).unwrap(),
        address: Address::default(),
        birth_date: BirthDate::parse("1990-12-31", today).unwrap(),
    }
}

fn created() -> Customer {
    Customer::create(UserId::new(Uuid::from_u128(1)), profile("Ann"), None).unwrap().0
}

fn verified() -> Customer {
    let mut customer = created();
    customer.decide(Verdict::Approved).unwrap();
    customer
}

fn operator() -> Author {
    Author::user(Uuid::from_u128(2))
}

fn rejected() -> Customer {
    let mut customer = created();
    customer.decide(Verdict::Refused(None)).unwrap();
    customer
}

fn erased() -> Customer {
    let mut customer = verified();
    customer.erase();
    customer
}

/// The status, version and reason of an event.
fn summary(event: &Event) -> (&'static str, i64, Option<&'static str>) {
    (event.status.as_str(), event.version, event.reason.map(Reason::as_str))
}

#[test]
fn a_new_customer_is_checked_and_verified_or_rejected() {
    let (mut customer, event) = Customer::create(UserId::new(Uuid::from_u128(1)), profile("Ann"), None).unwrap();
    assert_eq!((event.change, summary(&event)), (Change::Created, ("KYC_PENDING", 1, None)));
    let mut other = customer.clone();

    let approved = customer.decide(Verdict::Approved).unwrap();
    let refused = other.decide(Verdict::Refused(Words::fitting("Ann is known"))).unwrap();

    assert_eq!((approved.change, summary(&approved)), (Change::Updated, ("VERIFIED", 2, None)));
    assert_eq!(summary(&refused), ("REJECTED", 2, Some("KYC_REFUSED")));
    assert_eq!(other.why.unwrap().words.unwrap().as_str(), "Ann is known");
    assert_eq!(customer.decide(Verdict::Refused(None)), None, "a verdict counts once");
}

#[test]
fn an_approved_update_replaces_the_data_and_keeps_nothing() {
    let mut customer = verified();
    customer.update(profile("Bob"), 2).unwrap();

    let approved = customer.decide(Verdict::Approved).unwrap();

    assert_eq!(summary(&approved), ("VERIFIED", 4, None));
    assert_eq!((customer.state.clone(), customer.kept()), (State::Verified(profile("Bob")), None));
}

#[test]
fn a_rejected_customer_has_nothing_kept() {
    let mut customer = rejected();
    customer.update(profile("Bob"), 2).unwrap();

    assert_eq!(customer.kept(), None);
    assert_eq!(summary(&customer.decide(Verdict::Refused(None)).unwrap()), ("REJECTED", 4, Some("KYC_REFUSED")));
}

#[test]
fn an_operator_rejects_verified_customers_alone() {
    let mut customer = verified();
    assert_eq!(summary(&customer.revoke(None, operator()).unwrap().unwrap()), ("REJECTED", 3, Some("KYC_REVOKED")));

    assert_eq!(customer.revoke(None, operator()), Ok(None));
    assert_eq!(erased().revoke(None, operator()), Ok(None));
    assert_eq!(created().revoke(None, operator()), Err(CustomerRefusal::InProgress));
}

#[test]
fn an_erased_customer_begins_anew_with_the_next_version() {
    let mut customer = rejected();
    assert_eq!(summary(&created().erase().unwrap()), ("ERASED", 2, None));
    assert_eq!(summary(&customer.erase().unwrap()), ("ERASED", 3, None));
    assert_eq!((customer.erase(), customer.profile(), customer.why.clone()), (None, None, None));

    let (anew, event) = Customer::create(customer.id, profile("Bob"), Some(&customer)).unwrap();

    assert_eq!((event.change, summary(&event)), (Change::Created, ("KYC_PENDING", 4, None)));
    assert_eq!(Customer::create(customer.id, profile("Bob"), Some(&anew)), Err(CustomerRefusal::Exists));
}
