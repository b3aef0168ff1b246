//! Plays the external bank: publishes each approved loan to the topic that the `customers` service consumes.

use std::collections::HashMap;

use contracts::{
    events::{LOAN_APPROVED, Messaging, Topics},
    money::Money,
};
use outbox::{Publisher as _, Record};
use platform::{
    config::Settings,
    kafka::{self, KafkaPublisher},
};
use serde_json::json;
use uuid::Uuid;

/// A loan that the bank approved. It is published as the same bytes each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedLoan {
    pub id: String,
    pub customer: Uuid,
    pub amount: Money,
    /// The time of the approval in Unix seconds.
    pub approved_at: i64,
}

pub struct Bank {
    publisher: KafkaPublisher,
    topic: String,
}

impl Bank {
    /// Creates the bank; returns `None` if the settings name no broker. If `BANK_PASSWORD` is set, the bank
    /// authenticates at the broker as the user `bank`.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Option<Self>> {
        if settings.get("KAFKA_BROKERS").is_none() {
            return Ok(None);
        }
        let settings = match settings.get("BANK_PASSWORD") {
            Some(password) if settings.get("KAFKA_SASL_USERNAME").is_some() => {
                // The user may write the topic, and not create it.
                let own = [
                    ("KAFKA_SASL_USERNAME", "bank"),
                    ("KAFKA_SASL_PASSWORD", password),
                    ("KAFKA_CREATE_TOPICS", "false"),
                ];
                &settings.clone().with(own.map(|(name, value)| (name, value.to_owned())))
            }
            _ => settings,
        };
        let Messaging { kafka, topics, .. } = Messaging::load(settings)?;
        Self::at(&kafka, &topics).map(Some)
    }

    pub fn at(kafka: &kafka::Config, topics: &Topics) -> anyhow::Result<Self> {
        Ok(Self { publisher: KafkaPublisher::new(kafka)?, topic: LOAN_APPROVED.topic(topics).to_owned() })
    }

    /// Publishes these loans in order. Returns when the broker has acknowledged all.
    pub async fn approve(&self, loans: &[ApprovedLoan]) -> anyhow::Result<()> {
        self.publisher.publish(loans.iter().map(|loan| self.record(loan)).collect()).await
    }

    fn record(&self, loan: &ApprovedLoan) -> Record {
        let ApprovedLoan { id, customer, amount, approved_at } = loan;
        let payload = json!({
            "customer_id": customer,
            "loan_id": id,
            "amount": amount.to_major(),
            "timestump": approved_at,
        });
        Record {
            topic: self.topic.clone(),
            key: customer.to_string().into_bytes(),
            payload: payload.to_string().into_bytes(),
            headers: HashMap::new(),
        }
    }
}
