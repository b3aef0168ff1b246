//! The tables, as maps.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Claim, Order, Outcome},
};

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
    /// The claim that holds it.
    pub token: Uuid,
    pub order: Uuid,
    pub attempt: Option<i32>,
    pub lease_until: DateTime<Utc>,
    pub outcome: Option<Outcome>,
    pub created_at: DateTime<Utc>,
}

impl Tables {
    /// The key, while it is this claim's.
    pub fn key(&mut self, claim: &Claim) -> Option<&mut Key> {
        self.keys.get_mut(&(claim.user, claim.key.clone())).filter(|key| key.token == claim.token)
    }

    /// A claim that has lost its key, or that has been answered, changes nothing any more.
    pub fn check(&mut self, claim: Option<&Claim>) -> Result<(), Error> {
        let held = claim.is_none_or(|claim| self.key(claim).is_some_and(|key| key.outcome.is_none()));
        if held { Ok(()) } else { Err(Error::KeyInProgress) }
    }

    /// False when the key is another claim's.
    pub fn remember(&mut self, claim: &Claim, outcome: &Outcome) -> bool {
        let key = self.key(claim);
        key.map(|key| key.outcome.get_or_insert_with(|| outcome.clone())).is_some()
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
