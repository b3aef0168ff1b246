//! Converts profiles, customers and loans between the model and the protobuf messages.

use contracts::proto::customers::v1::{Address, Customer, Loan};
use platform::{clock, grpc::timestamp, invalid::InvalidFields};
use tonic::Status;

use crate::{
    model::{self, BirthDate, Name, Profile, Why},
    repository::Known,
};

/// An error names the invalid fields, never their values.
pub fn profile(name: String, address: Option<Address>, birth_date: &str) -> Result<Profile, Status> {
    let mut invalid = InvalidFields::default();
    let name = invalid.check("name", Name::new(name));
    let Address { street, city, state, zip } = address.unwrap_or_default();
    let address = match model::Address::new(street, city, state, zip) {
        Ok(address) => Some(address),
        Err((part, error)) => invalid.check(format!("address.{part}"), Err(error)),
    };
    let birth_date = invalid.check("birth_date", BirthDate::parse(birth_date, clock::now().date_naive()));
    match (name, address, birth_date) {
        (Some(name), Some(address), Some(birth_date)) => Ok(Profile { name, address, birth_date }),
        _ => Err(invalid.into()),
    }
}

pub fn customer(known: Known) -> Customer {
    let Known { customer, created_at, updated_at } = known;
    let profile = customer.profile();
    let address = profile.map(|profile| profile.address.clone()).map(|address| {
        let model::Address { street, city, state, zip } = address;
        Address { street, city, state, zip }
    });
    Customer {
        id: customer.id.to_string(),
        name: profile.map_or_else(String::new, |profile| profile.name.as_str().to_owned()),
        address,
        birth_date: profile.map_or_else(String::new, |profile| profile.birth_date.to_string()),
        kyc_status: customer.status().as_str().to_owned(),
        version: customer.version,
        created_at: Some(timestamp(created_at)),
        updated_at: Some(timestamp(updated_at)),
        reason: customer.why.as_ref().map_or_else(String::new, reason),
    }
}

fn reason(why: &Why) -> String {
    let reason = why.reason.as_str();
    why.words.as_ref().map_or_else(|| reason.to_owned(), |words| format!("{reason}: {}", words.as_str()))
}

pub fn loan(loan: model::Loan) -> Loan {
    Loan {
        loan_id: loan.id.to_string(),
        amount_minor: loan.amount.minor(),
        status: loan.status.as_str().to_owned(),
        received_at: Some(timestamp(loan.received_at)),
        reason: loan.reason.unwrap_or_default(),
    }
}
