//! Reported alerts in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{
    error::Error,
    model::AlertKey,
    repository::{
        Alerts,
        alerts::{CLAIM_TTL, Claim},
    },
};

#[derive(Clone, Default)]
pub struct MemoryAlerts {
    rows: Arc<Mutex<HashMap<AlertKey, Row>>>,
}

struct Row {
    claimed_until: Instant,
    unanswered: bool,
    is_sent: bool,
    created_at: Instant,
}

impl MemoryAlerts {
    fn rows(&self) -> MutexGuard<'_, HashMap<AlertKey, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Alerts for MemoryAlerts {
    async fn claim(&self, alerts: &[AlertKey]) -> Result<Vec<Claim>, Error> {
        let now = Instant::now();
        let mut rows = self.rows();
        let claims = alerts.iter().map(|key| {
            let new = || Row { claimed_until: now, unanswered: false, is_sent: false, created_at: now };
            let row = rows.entry(key.clone()).or_insert_with(new);
            if row.is_sent {
                Claim::Sent
            } else if row.claimed_until > now {
                Claim::Pending
            } else {
                row.claimed_until = now + CLAIM_TTL;
                Claim::Ours { unanswered: row.unanswered }
            }
        });
        Ok(claims.collect())
    }

    async fn sent(&self, alerts: &[AlertKey]) -> Result<(), Error> {
        for (_, row) in self.rows().iter_mut().filter(|(key, _)| alerts.contains(key)) {
            row.is_sent = true;
        }
        Ok(())
    }

    async fn release(&self, alerts: &[AlertKey], unanswered: bool) -> Result<(), Error> {
        for (_, row) in self.rows().iter_mut().filter(|(key, row)| alerts.contains(key) && !row.is_sent) {
            row.claimed_until = Instant::now();
            row.unanswered |= unanswered;
        }
        Ok(())
    }

    async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let mut removed = 0;
        self.rows().retain(|_, row| {
            let stays = row.created_at.elapsed() <= age || removed >= limit.cast_unsigned();
            removed += u64::from(!stays);
            stays
        });
        Ok(removed)
    }
}
