//! Loans, while customers and payment are killed.

use std::collections::HashMap;

use client::{lending::Lending, trust::Trust};
use contracts::events::LOAN_APPROVED;
use platform::{config::Settings, kafka::Record};
use serde_json::json;
use testkit::eventually;

use crate::{customer::Customer, system::System};

const ROUNDS: i64 = 5;
const LOANS: i64 = 20;

#[tokio::test]
async fn a_hundred_loans_are_credited_exactly_while_customers_and_payment_are_killed() {
    let mut system = System::start().await;
    let Customer { user, session, .. } = Customer::new(&system).await;
    let trust = Trust::from_settings(&Settings::from_variables([("SHIPYARD_DATA", String::new())])).unwrap();
    let [customers, payment] =
        [&customers::SERVICE, &payment::SERVICE].map(|service| system.address(service).to_string());
    let lending = Lending::at(&trust, &customers, &payment).unwrap();
    let before = lending.balance(&session, user).await.unwrap();
    lending.create(&session, "Ann").await.unwrap();
    let topic = LOAN_APPROVED.topic(&system.kafka.topics()).to_owned();
    let record = |number: i64| {
        let amount = format!("{}.01", number + 1).parse::<f64>().unwrap();
        let loan = json!({ "customer_id": user, "loan_id": format!("loan-{number}"), "amount": amount });
        let (key, headers) = (user.to_string().into_bytes(), HashMap::new());
        Record { topic: topic.clone(), key, payload: loan.to_string().into_bytes(), headers }
    };

    for round in 0..ROUNDS {
        // Each loan is published twice.
        let numbers = (0..LOANS).map(|loan| round * LOANS + loan);
        system.kafka.publish(numbers.clone().chain(numbers).map(record).collect()).await;
        for service in [&customers::SERVICE, &payment::SERVICE] {
            system.kill(service).await;
            system.run(service);
            system.ready(service).await;
        }
    }

    let all = usize::try_from(ROUNDS * LOANS).unwrap();
    eventually(async || {
        let loans = lending.loans(&session, user).await.ok()?;
        let credited = loans.iter().filter(|loan| loan.status == "credited").count();
        (credited == all && loans.len() == all).then_some(())
    })
    .await;
    let sum: i64 = (1..=ROUNDS * LOANS).map(|major| major * 100 + 1).sum();
    assert_eq!(lending.balance(&session, user).await.unwrap(), before + sum);
}
