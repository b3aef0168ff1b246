//! Reported alerts in PostgreSQL: the table `alerts`.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use platform::postgres::{Database, retry_stale};

use crate::{
    error::Error,
    model::AlertKey,
    repository::{
        Alerts,
        alerts::{CLAIM_TTL, Claim},
    },
};

#[derive(Clone)]
pub struct PgAlerts {
    pool: Database,
}

impl PgAlerts {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

fn columns(alerts: &[AlertKey]) -> (Vec<String>, Vec<String>, Vec<DateTime<Utc>>) {
    let fingerprints = alerts.iter().map(|key| key.fingerprint.clone()).collect();
    let statuses = alerts.iter().map(|key| key.status.as_str().to_owned()).collect();
    (fingerprints, statuses, alerts.iter().map(|key| key.starts_at).collect())
}

#[async_trait]
impl Alerts for PgAlerts {
    async fn claim(&self, alerts: &[AlertKey]) -> Result<Vec<Claim>, Error> {
        let (fingerprints, statuses, starts) = columns(alerts);
        // A report is pending if neither `claimed` nor `known` has its row: another transaction inserted the row after
        // this statement began. Rows are inserted in the order of their keys, so that two calls with the same alerts do
        // not deadlock.
        let rows = sqlx::query!(
            r#"with asked as (
                select * from unnest($1::text[], $2::text[], $3::timestamptz[]) with ordinality
                    as asked (fingerprint, status, starts_at, place)
            ), claimed as (
                insert into alerts (fingerprint, status, starts_at, claimed_until)
                select fingerprint, status, starts_at, now() + make_interval(secs => $4) from asked
                order by fingerprint, status, starts_at
                on conflict (fingerprint, status, starts_at) do update set claimed_until = excluded.claimed_until
                where alerts.sent_at is null and alerts.claimed_until <= now()
                returning fingerprint, status, starts_at, unanswered
            )
            select claimed.unanswered as "claimed?", known.sent_at is not null as "is_sent!"
            from asked
            left join claimed using (fingerprint, status, starts_at)
            left join alerts as known using (fingerprint, status, starts_at)
            order by place"#,
            &fingerprints,
            &statuses,
            &starts,
            CLAIM_TTL.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        let claims = rows.into_iter().map(|row| match (row.claimed, row.is_sent) {
            (Some(unanswered), _) => Claim::Ours { unanswered },
            (None, true) => Claim::Sent,
            (None, false) => Claim::Pending,
        });
        Ok(claims.collect())
    }

    async fn sent(&self, alerts: &[AlertKey]) -> Result<(), Error> {
        let (fingerprints, statuses, starts) = columns(alerts);
        let sent = retry_stale(|| {
            sqlx::query!(
                "update alerts set sent_at = now()
                where (fingerprint, status, starts_at) in (select * from unnest($1::text[], $2::text[], $3::timestamptz[]))",
                &fingerprints,
                &statuses,
                &starts,
            )
            .execute(&self.pool)
        });
        sent.await?;
        Ok(())
    }

    async fn release(&self, alerts: &[AlertKey], unanswered: bool) -> Result<(), Error> {
        let (fingerprints, statuses, starts) = columns(alerts);
        let released = retry_stale(|| {
            sqlx::query!(
                "update alerts set claimed_until = now(), unanswered = unanswered or $4
                where (fingerprint, status, starts_at) in (select * from unnest($1::text[], $2::text[], $3::timestamptz[]))
                    and sent_at is null",
                &fingerprints,
                &statuses,
                &starts,
                unanswered,
            )
            .execute(&self.pool)
        });
        released.await?;
        Ok(())
    }

    async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let removed = sqlx::query!(
            "delete from alerts where (fingerprint, status, starts_at) in (
                select fingerprint, status, starts_at from alerts
                where created_at < now() - make_interval(secs => $1) limit $2)",
            age.as_secs_f64(),
            limit,
        )
        .execute(&self.pool)
        .await?;
        Ok(removed.rows_affected())
    }
}
