//! The in-memory implementation of [`IdempotencyKeys`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::OrderId;

use super::{Key, MemoryOrders};
use crate::{
    error::Error,
    model::{Claim, Claimed, RequestOutcome},
    repository::IdempotencyKeys,
};

#[async_trait]
impl IdempotencyKeys for MemoryOrders {
    async fn claim(&self, claim: &Claim, order: OrderId, lease: Duration) -> Result<Claimed, Error> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let Some(key) = tables.keys.get_mut(&(claim.user, claim.key.clone())) else {
            let key = Key {
                fingerprint: claim.fingerprint.clone(),
                token: claim.token,
                order,
                attempt: None,
                lease_until: now + lease,
                outcome: None,
                created_at: now,
            };
            tables.keys.insert((claim.user, claim.key.clone()), key);
            return Ok(Claimed::New { order });
        };
        if key.fingerprint != claim.fingerprint {
            return Ok(Claimed::Reused);
        }
        if let Some(outcome) = &key.outcome {
            return Ok(Claimed::Done(outcome.clone()));
        }
        if key.lease_until > now && key.token != claim.token {
            return Ok(Claimed::InProgress);
        }
        key.lease_until = now + lease;
        key.token = claim.token;
        Ok(Claimed::Resumed { order: key.order, attempt: key.attempt })
    }

    async fn complete(&self, claim: &Claim, outcome: &RequestOutcome) -> Result<bool, Error> {
        Ok(self.tables().complete_key(claim, outcome))
    }

    async fn renew(&self, claim: &Claim, lease: Duration) -> Result<(), Error> {
        let now = self.clock.now();
        if let Some(key) = self.tables().key(claim) {
            key.lease_until = now + lease;
        }
        Ok(())
    }

    async fn forget(&self, claim: &Claim) -> Result<bool, Error> {
        let mut tables = self.tables();
        let is_held = tables.key(claim).is_some_and(|key| key.outcome.is_none());
        if is_held {
            tables.keys.remove(&(claim.user, claim.key.clone()));
        }
        Ok(is_held)
    }

    async fn remove(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let before = self.clock.now() - age;
        let mut tables = self.tables();
        let old: Vec<_> = tables
            .keys
            .iter()
            .filter(|(_, key)| key.created_at < before)
            .map(|(name, _)| name.clone())
            .take(usize::try_from(limit).unwrap_or(0))
            .collect();
        for name in &old {
            tables.keys.remove(name);
        }
        Ok(old.len() as u64)
    }
}
