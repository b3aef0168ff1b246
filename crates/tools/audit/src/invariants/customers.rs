//! Invariant 12: A customer's versions are consecutive. A loan is credited once, and only to a customer who was
//! VERIFIED at that time. No personal data of a user whose account has ended is stored.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use contracts::events::{CustomerCreated, CustomerUpdated, Published as _, UserErased};
use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{Credit, Customer, CustomerVersion, KycStatus, Loan, LoanStatus, Personal},
    report::{Check, NO_AUTHOR},
};

type Versions<'a> = BTreeMap<i64, &'a CustomerVersion>;

/// The longest time between the reads of two databases.
const MAX_READ_TIME: Duration = Duration::from_secs(5);
/// Order waits for the last requests of an ended account, and its job removes addresses each minute.
const ERASED_WITHIN: Duration = Duration::from_mins(3);

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(12, "each customer's versions follow, each loan is credited once");
    let mut histories: HashMap<Uuid, Versions<'_>> = HashMap::new();
    for version in &facts.customer_versions {
        histories.entry(version.customer).or_default().insert(version.version, version);
    }
    for customer in &facts.customers {
        let versions = histories.get(&customer.uuid);
        followed(customer, versions.unwrap_or(&Versions::new()), &mut check);
    }
    published(facts, &histories, &mut check);
    loans(facts, &histories, &mut check);
    erased(facts, &mut check);
    // An invariant that counts nothing does not hold. Orders are counted so that a shop without customers passes.
    check.counted("orders", facts.orders.len());
    check.counted("customers", facts.customers.len());
    check.counted("loans", facts.loans.len());
    check.counted("credits", facts.credits.len());
    check.end()
}

/// Checks that the versions are numbered from 1 to the current one, and that each may follow the previous one.
fn followed(customer: &Customer, versions: &Versions<'_>, check: &mut Check) {
    let row = format!("customer {}", customer.uuid);
    let mut before: Option<&CustomerVersion> = None;
    for (expected, (number, version)) in (1..).zip(versions) {
        if *number != expected {
            return check.broken_by(&row, format!("version {expected} is missing"));
        }
        let from = before.map(|before| before.status);
        if !may_follow(from, version.status) {
            let from = from.map_or("nothing", KycStatus::as_str);
            check.broken_by(&row, format!("version {number} is {} after {from}", version.status.as_str()));
        }
        if !version.is_signed {
            check.broken_by(&row, format!("version {number} {NO_AUTHOR}"));
        }
        before = Some(*version);
    }
    if before.is_none_or(|last| (last.version, last.status) != (customer.version, customer.status)) {
        let (version, status) = (customer.version, customer.status.as_str());
        check.broken_by(&row, format!("is {status} in version {version}, which its versions do not say"));
    }
    if customer.has_profile == (customer.status == KycStatus::Erased) {
        let has = if customer.has_profile { "has" } else { "has no" };
        check.broken_by(&row, format!("is {} and {has} personal data", customer.status.as_str()));
    }
}

const fn may_follow(before: Option<KycStatus>, status: KycStatus) -> bool {
    matches!(
        (before, status),
        (None | Some(KycStatus::Erased | KycStatus::Verified | KycStatus::Rejected), KycStatus::Pending)
            | (Some(KycStatus::Pending), KycStatus::Verified | KycStatus::Rejected | KycStatus::Erased)
            | (Some(KycStatus::Verified), KycStatus::Rejected | KycStatus::Erased)
            | (Some(KycStatus::Rejected), KycStatus::Erased)
    )
}

/// Checks that each version has its event in the outbox, and that each event has a version.
fn published(facts: &Facts, histories: &HashMap<Uuid, Versions<'_>>, check: &mut Check) {
    let of_customers = |kind: &str| kind == CustomerCreated::TYPE || kind == CustomerUpdated::TYPE;
    let rows = facts.outbox.iter().filter(|row| of_customers(&row.kind));
    let mut told: HashMap<Uuid, Uuid> = rows.map(|row| (row.event, row.key)).collect();
    for versions in histories.values() {
        let mut before = None;
        for version in versions.values() {
            let is_told = told.remove(&version.event(before)).is_some();
            if !is_told && !facts.may_be_forgotten(version.at) {
                let row = format!("customer {}", version.customer);
                check.broken_by(row, format!("version {} has no event in the outbox", version.version));
            }
            before = Some(version.status);
        }
    }
    for (event, customer) in told {
        check.broken_by(format!("customer {customer}"), format!("the event {event} is of no version"));
    }
}

/// Checks that loans and payment's credits agree, and that only VERIFIED customers were credited.
fn loans(facts: &Facts, histories: &HashMap<Uuid, Versions<'_>>, check: &mut Check) {
    let credits: HashMap<&str, &Credit> =
        facts.credits.iter().map(|credit| (credit.reference.as_str(), credit)).collect();
    if credits.len() != facts.credits.len() {
        check.broken_by("credits", "a reference is there more than once");
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for loan in &facts.loans {
        let row = format!("loan {}", loan.id);
        if !seen.insert(&loan.id) {
            check.broken_by(&row, "is there more than once");
        }
        decided(loan, histories.get(&loan.customer), &row, check);
        let credit = credits.get(loan.id.as_str());
        match (loan.status, credit) {
            (LoanStatus::Held | LoanStatus::Refused, Some(_)) => {
                check.broken_by(&row, format!("is {}, and payment has credited it", loan.status.as_str()));
            }
            (LoanStatus::Credited, None) if loan.credited_at.is_none_or(|at| at + MAX_READ_TIME < facts.at) => {
                check.broken_by(&row, "is credited, and payment has no credit of it");
            }
            (_, Some(credit)) if (credit.user, credit.amount) != (loan.customer, loan.amount) => {
                check.broken_by(&row, format!("payment has credited {} to {}", credit.amount, credit.user));
            }
            _ => {}
        }
    }
    for reference in credits.keys().filter(|reference| !seen.contains(**reference)) {
        check.broken_by(format!("credit {reference}"), "is of no loan");
    }
}

/// Checks that services have removed the personal data of users whose accounts have ended.
fn erased(facts: &Facts, check: &mut Check) {
    let ends = facts.outbox.iter().filter(|row| row.kind == UserErased::TYPE);
    let ends = ends.filter(|row| row.created_at + ERASED_WITHIN < facts.at);
    let ends: HashMap<Uuid, DateTime<Utc>> = ends.map(|row| (row.key, row.created_at)).collect();
    let mut left = |user: &Uuid, what: &str| {
        check.broken_by(format!("user {user}"), format!("its account has ended, and {what} is stored"));
    };
    for Personal { user, what, since } in &facts.personal {
        if ends.get(user).is_some_and(|end| since < end) {
            left(user, what);
        }
    }
    for Customer { uuid, .. } in facts.customers.iter().filter(|customer| customer.has_profile) {
        if ends.contains_key(uuid) {
            left(uuid, "the profile of a customer");
        }
    }
}

/// Checks that a loan's status agrees with the version that decided the loan.
fn decided(loan: &Loan, versions: Option<&Versions<'_>>, row: &str, check: &mut Check) {
    let status = loan.version.and_then(|version| versions?.get(&version)).map(|version| version.status);
    let fits = match loan.status {
        LoanStatus::Held => loan.version.is_none(),
        LoanStatus::Crediting | LoanStatus::Credited => status == Some(KycStatus::Verified),
        // The loan's hold ended before the user became a customer, the deciding version does not permit a credit, or
        // payment refused the credit permanently.
        LoanStatus::Refused if loan.is_uncreditable => status == Some(KycStatus::Verified),
        LoanStatus::Refused => match loan.version {
            None => true,
            Some(_) => matches!(status, Some(KycStatus::Rejected | KycStatus::Erased)),
        },
    };
    if !fits {
        let then = status.map_or("no customer", KycStatus::as_str);
        check.broken_by(row, format!("is {}, and its customer was {then}", loan.status.as_str()));
    }
}
