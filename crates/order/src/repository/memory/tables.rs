//! The tables, as maps.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{Claim, Order, Outcome};

#[derive(Default)]
pub struct Tables {
    pub orders: BTreeMap<Uuid, Row>,
    pub keys: BTreeMap<(Uuid, String), Key>,
}

pub struct Row {
    pub order: Order,
    pub pay_until: DateTime<Utc>,
    pub next_at: Option<DateTime<Utc>>,
    /// True once somebody besides whoever began the attempt may have asked payment for it.
    pub shared: bool,
}

pub struct Key {
    pub fingerprint: Vec<u8>,
    pub order: Uuid,
    pub attempt: Option<i32>,
    pub lease_until: DateTime<Utc>,
    pub outcome: Option<Outcome>,
    pub created_at: DateTime<Utc>,
}

impl Tables {
    pub fn remember(&mut self, claim: &Claim, outcome: &Outcome) {
        if let Some(key) = self.keys.get_mut(&(claim.user, claim.key.clone())) {
            key.outcome.get_or_insert_with(|| outcome.clone());
        }
    }

    pub fn remember_attempt(&mut self, order: Uuid, attempt: i32, outcome: Option<&Outcome>) {
        let Some(outcome) = outcome else { return };
        for key in self.keys.values_mut().filter(|key| key.order == order && key.attempt == Some(attempt)) {
            key.outcome.get_or_insert_with(|| outcome.clone());
        }
    }

    /// The order, while `attempt` is its attempt under way.
    pub fn attempting(&mut self, order: Uuid, attempt: i32) -> Option<&mut Row> {
        self.orders.get_mut(&order).filter(|row| row.order.attempt.is_some_and(|current| current.number == attempt))
    }
}
