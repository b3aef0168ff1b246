//! The consumed topics: loans that outside programs approve, and the ends of accounts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::{
    events::{LOAN_APPROVED, Received, Subscription, UserErased, group},
    ids::UserId,
};
use platform::{kafka::Failure, number};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Amount, LoanId, NewLoan},
    service::CustomerService,
};

pub fn all(service: &CustomerService) -> [Subscription; 2] {
    [loan_approved(service.clone()), user_erased(service.clone())]
}

/// `loan.approved`, which outside programs write as JSON: a loan for a customer. The loan's id identifies redeliveries,
/// so there is no inbox row.
pub fn loan_approved(service: CustomerService) -> Subscription {
    Subscription::inbound(&LOAN_APPROVED, move |message| {
        let service = service.clone();
        async move {
            let loan = read(&message.payload).map_err(Failure::poison)?;
            Ok(service.receive_loan(&loan).await?)
        }
    })
}

/// The members of a JSON object, each with its value as JSON text.
type Members<'a> = HashMap<String, &'a RawValue>;

/// Returns why a message is not a valid loan, or `None` if it is.
pub fn loan_problem(payload: &[u8]) -> Option<String> {
    read(payload).err()
}

/// Reads a loan. An error names the field and the rule, never the value.
fn read(payload: &[u8]) -> Result<NewLoan, String> {
    let loan: Members<'_> = serde_json::from_slice(payload).map_err(|_| "must be a JSON object")?;
    let text = |field: &str| -> Result<String, String> {
        let text = loan.get(field).and_then(|literal| serde_json::from_str(literal.get()).ok());
        text.ok_or_else(|| format!("{field}: must be a string"))
    };
    let customer = Uuid::try_parse(&text("customer_id")?).map_err(|_| "customer_id: must be a uuid")?;
    let id =
        LoanId::new(text("loan_id")?).ok_or("loan_id: must be 1 to 64 characters, none of them a control character")?;
    let amount = loan.get("amount").map_or("", |literal| literal.get());
    let amount = Amount::parse(amount).map_err(|error| format!("amount: {error}"))?;
    // The outside programs spell the field `timestump`.
    let approved_at = match time(&loan, "timestump")? {
        Some(time) => Some(time),
        None => time(&loan, "timestamp")?,
    };
    Ok(NewLoan { id, customer: UserId::new(customer), amount, approved_at })
}

/// Reads a time in Unix seconds. The field may be absent.
fn time(loan: &Members<'_>, field: &str) -> Result<Option<DateTime<Utc>>, String> {
    match loan.get(field).map(|literal| literal.get()) {
        None | Some("null") => Ok(None),
        Some(literal) => {
            // The years 1970 to 9999, which PostgreSQL and its clients can represent.
            let seconds = number::scaled(literal, 0).ok().filter(|seconds| (0..=253_402_300_799).contains(seconds));
            let time = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            time.map(Some).ok_or_else(|| format!("{field}: is not a number of seconds since 1970"))
        }
    }
}

/// `UserErased`: removes the customer's personal data, as `EraseCustomer` does.
pub fn user_erased(service: CustomerService) -> Subscription {
    Subscription::new(const { group::<UserErased>("customers") }, move |_, erased: Received<UserErased>| {
        let service = service.clone();
        async move {
            match service.erase(erased.subject).await {
                // Most users are not customers.
                Ok(_) | Err(Error::NotFound) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-000000000001";

    fn loan() -> Value {
        json!({ "customer_id": ID, "loan_id": "loan-1", "amount": 6500.00, "timestump": 1_700_000_000 })
    }

    /// The loan with another value of this field, or without the field.
    fn with(field: &str, value: Option<Value>) -> Vec<u8> {
        let mut loan = loan();
        let fields = loan.as_object_mut().unwrap();
        match value {
            Some(value) => fields.insert(field.to_owned(), value),
            None => fields.remove(field),
        };
        loan.to_string().into_bytes()
    }

    #[test]
    fn a_loan_is_read_with_either_spelling_of_its_time_or_none() {
        let read_well = read(loan().to_string().as_bytes()).unwrap();
        assert_eq!((read_well.id.as_str(), read_well.amount.minor()), ("loan-1", 650_000));
        assert_eq!(read_well.approved_at, DateTime::from_timestamp(1_700_000_000, 0));

        let none = with("timestump", None);
        assert_eq!(read(&none).unwrap().approved_at, None);
        let mut other: Value = serde_json::from_slice(&none).unwrap();
        other["timestamp"] = json!(1_700_000_001);
        other["new"] = json!("passed over");
        assert_eq!(read(other.to_string().as_bytes()).unwrap().approved_at, DateTime::from_timestamp(1_700_000_001, 0));
    }

    #[test]
    fn a_wrong_loan_names_the_field_and_never_its_value() {
        let wrong = [
            (b"secret".to_vec(), "must be a JSON object"),
            (b"[\"secret\"]".to_vec(), "must be a JSON object"),
            (with("customer_id", None), "customer_id: must be a string"),
            (with("customer_id", Some(json!("secret"))), "customer_id: must be a uuid"),
            (with("loan_id", None), "loan_id: must be a string"),
            (with("loan_id", Some(json!(7))), "loan_id: must be a string"),
            (with("loan_id", Some(json!(""))), "loan_id: must be 1 to 64"),
            (with("loan_id", Some(json!("secret".repeat(11)))), "loan_id: must be 1 to 64"),
            (with("amount", None), "amount: must be a number"),
            (with("amount", Some(json!(-5))), "amount: must be above 0"),
            (with("timestump", Some(json!("secret"))), "timestump: is not a number"),
            (with("timestump", Some(json!(i64::MAX))), "timestump: is not a number"),
        ];
        for (payload, expected) in wrong {
            let error = read(&payload).unwrap_err();

            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_amount_is_read_exactly_or_refused() {
        let amount = |literal: &str| {
            let payload = loan().to_string().replace(r#""amount":6500.0"#, &format!(r#""amount":{literal}"#));
            read(payload.as_bytes()).map(|loan| loan.amount.minor())
        };
        for (literal, minor) in [
            ("6500", 650_000),
            ("6500.000", 650_000),
            ("6.5e3", 650_000),
            ("0.1e1", 100),
            ("9999999999999.99", 999_999_999_999_999),
        ] {
            assert_eq!(amount(literal), Ok(minor), "{literal}");
        }
        for (literal, problem) in [
            ("0.010000000000000000000001", "amount: must have at most two decimals"),
            ("1e-400", "amount: must have at most two decimals"),
            ("9999999999999.991", "amount: must have at most two decimals"),
            ("-0", "amount: must be above 0"),
            ("-1e400", "amount: must be above 0"),
            ("1e400", "amount: must be at most"),
            ("10000000000000", "amount: must be at most"),
            ("\"1\"", "amount: must be a number"),
            ("null", "amount: must be a number"),
        ] {
            assert!(amount(literal).is_err_and(|error| error.starts_with(problem)), "{literal}: {:?}", amount(literal));
        }
    }

    #[test]
    fn a_time_is_a_whole_number_however_it_is_written() {
        let time = |literal: &str| {
            let payload = loan().to_string().replace("1700000000", literal);
            read(payload.as_bytes()).map(|loan| loan.approved_at)
        };
        for literal in ["1700000000.0", "1.7e9"] {
            assert_eq!(time(literal), Ok(DateTime::from_timestamp(1_700_000_000, 0)), "{literal}");
        }
        assert_eq!(time("-0"), Ok(DateTime::from_timestamp(0, 0)));
        assert_eq!(time("null"), Ok(None));
        for literal in ["1700000000.5", "-1", "253402300800", "1e30", "true"] {
            assert!(time(literal).is_err(), "{literal}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(payload: Vec<u8>, amount: f64) {
            let _ = read(&payload);
            let _ = read(&with("amount", Some(json!(amount))));
        }
    }
}
