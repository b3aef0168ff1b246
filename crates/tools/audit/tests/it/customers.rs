//! A customer's versions are consecutive. A loan is credited once, and only to a customer who was VERIFIED at that
//! time.

use std::time::Duration;

use audit::facts::{Credit, Customer, CustomerVersion, KycStatus, LoanStatus, Personal, kind};
use contracts::events::Published as _;
use contracts::events::{CustomerUpdated, UserErased};
use uuid::Uuid;

use crate::{
    fixture::{CUSTOMER, LENT, LOAN, the, then},
    invariant::{Invariant, breaks, holds},
};

fn row() -> String {
    format!("customer {CUSTOMER}")
}

fn loan() -> String {
    format!("loan {LOAN}")
}

#[test]
fn each_spoilt_version_of_a_customer_is_found() {
    Invariant(12).is_broken_by(&[
        (&[&row(), "version 2 is missing"], &|facts| facts.customer_versions.retain(|one| one.version != 2)),
        (&[&row(), "version 3 is REJECTED after ERASED"], &|facts| {
            the(&mut facts.customer_versions, |one| one.version == 2).status = KycStatus::Erased;
        }),
        (&[&row(), "version 1 is VERIFIED after nothing"], &|facts| {
            the(&mut facts.customer_versions, |one| one.version == 1).status = KycStatus::Verified;
        }),
        (&[&row(), "is REJECTED in version 4"], &|facts| facts.customers[0].version = 4),
        (&[&row(), "is VERIFIED in version 3"], &|facts| facts.customers[0].status = KycStatus::Verified),
        (&["which its versions do not say"], &|facts| {
            let uuid = Uuid::from_u128(99);
            facts.customers.push(Customer { uuid, status: KycStatus::Pending, version: 1, has_profile: true });
        }),
        (&[&row(), "version 3 has no author"], &|facts| {
            the(&mut facts.customer_versions, |one| one.version == 3).is_signed = false;
        }),
        (&[&row(), "has no event in the outbox"], &|facts| {
            facts.outbox.retain(|row| row.kind != CustomerUpdated::TYPE);
        }),
        (&[&row(), "is of no version"], &|facts| {
            let mut event = the(&mut facts.outbox, |row| row.kind == CustomerUpdated::TYPE).clone();
            event.event = Uuid::from_u128(99);
            facts.outbox.push(event);
        }),
    ]);
    Invariant(12).holds_though(&[("events so old that their rows were removed are not missed", &|facts| {
        facts.outbox.retain(|row| row.kind != CustomerUpdated::TYPE);
        facts.kept_since = Some(facts.at);
    })]);
}

#[test]
fn personal_data_is_there_until_it_is_erased() {
    breaks(12, &[&row(), "is REJECTED and has no personal data"], |facts| facts.customers[0].has_profile = false);
    let erase = |facts: &mut audit::Facts| {
        let (customer, version, status, at) = (CUSTOMER, 4, KycStatus::Erased, then());
        let version = CustomerVersion { customer, version, status, is_signed: true, at };
        facts.customer_versions.push(version);
        (facts.customers[0].status, facts.customers[0].version) = (KycStatus::Erased, 4);
        let mut event = the(&mut facts.outbox, |row| row.kind == CustomerUpdated::TYPE).clone();
        event.event = version.event(Some(KycStatus::Rejected));
        facts.outbox.push(event);
    };
    breaks(12, &[&row(), "is ERASED and has personal data"], erase);
    holds(12, |facts| {
        erase(facts);
        facts.customers[0].has_profile = false;
    });
}

#[test]
fn each_spoilt_loan_is_found() {
    let user = CUSTOMER;
    let end = |facts: &mut audit::Facts| {
        let mut row = facts.outbox[0].clone();
        (row.kind, row.key, row.created_at) = (kind(UserErased::TYPE), user, facts.at - Duration::from_mins(4));
        facts.outbox.push(row);
    };
    let stored = |facts: &mut audit::Facts| facts.personal.push(Personal { user, what: "an address", since: then() });
    Invariant(12).is_broken_by(&[
        (&[&format!("user {user}"), "an address is stored"], &|facts| {
            stored(facts);
            end(facts);
        }),
        (&[&format!("user {user}"), "the profile of a customer is stored"], &end),
        (&[&loan(), "payment has no credit of it"], &|facts| facts.credits.clear()),
        (&[&loan(), "payment has credited 1 to"], &|facts| facts.credits[0].amount = 1),
        (&[&loan(), "payment has credited"], &|facts| facts.credits[0].user = Uuid::from_u128(99)),
        (&["credit other", "is of no loan"], &|facts| facts.credits[0].reference = "other".to_owned()),
        (&["credits", "more than once"], &|facts| facts.credits.push(facts.credits[0].clone())),
        (&[&loan(), "is there more than once"], &|facts| facts.loans.push(facts.loans[0].clone())),
    ]);
    Invariant(12).holds_though(&[
        ("a user whose account has not ended has personal data", &stored),
        ("personal data is removed soon after the end of the account", &|facts| {
            stored(facts);
            end(facts);
            facts.outbox.last_mut().unwrap().created_at = facts.at - Duration::from_mins(1);
        }),
        ("a decided loan was credited, and customers does not know it yet", &|facts| {
            facts.loans[0].status = LoanStatus::Crediting;
            facts.loans[0].credited_at = None;
        }),
        ("a decided loan is not credited yet", &|facts| {
            facts.loans[0].status = LoanStatus::Crediting;
            facts.credits.clear();
        }),
    ]);
}

#[test]
fn a_loan_is_credited_to_who_was_verified_alone() {
    for (version, text) in [(1, "was KYC_PENDING"), (3, "was REJECTED"), (9, "was no customer")] {
        breaks(12, &[&loan(), "is credited", text], |facts| facts.loans[0].version = Some(version));
    }
    breaks(12, &["loan early", "is held, and payment has credited it"], |facts| {
        facts.credits.push(Credit { reference: "early".to_owned(), user: Uuid::from_u128(62), amount: LENT });
    });
    breaks(12, &["loan late", "is refused, and payment has credited it"], |facts| {
        facts.credits.push(Credit { reference: "late".to_owned(), user: CUSTOMER, amount: LENT });
    });
    breaks(12, &["loan late", "is refused, and its customer was VERIFIED"], |facts| {
        the(&mut facts.loans, |loan| loan.id == "late").version = Some(2);
    });
    holds(12, |facts| {
        let loan = the(&mut facts.loans, |loan| loan.id == "late");
        (loan.version, loan.is_uncreditable) = (Some(2), true);
    });
}
