//! Tests by layer: the repository, use cases with a payment service that fails, the checker over HTTP, and the service
//! over real PostgreSQL and Kafka.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod checker;
mod repository;
mod service;

use chrono::NaiveDate;
use contracts::ids::UserId;
use customers::model::{Address, Amount, BirthDate, LoanId, Name, NewLoan, Profile};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
}

fn profile(name: &str) -> Profile {
    let text = |text: &str| text.to_owned();
    Profile {
        name: Name::new(name).unwrap(),
        address: Address::new(text("Main Street 1"), text("Moscow"), String::new(), text("101000")).unwrap(),
        birth_date: BirthDate::parse("1990-12-31", today()).unwrap(),
    }
}

fn loan(id: &str, customer: UserId, minor: i64) -> NewLoan {
    let (id, amount) = (LoanId::new(id).unwrap(), Amount::from_minor(minor).unwrap());
    NewLoan { id, customer, amount, approved_at: None }
}
