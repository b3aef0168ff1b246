//! The latest receipt of each order, the table `receipts`. The order's next one names it.

use chrono::{DateTime, Utc};
use contracts::ids::OrderId;
use platform::postgres::Database;

use crate::error::Error;

/// A receipt without its checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The digest of the checks.
    pub checks: String,
    pub issued_at: DateTime<Utc>,
    /// The version of the shop.
    pub version: String,
    /// The digest of the previous receipt.
    pub previous: Option<String>,
    /// The digest of this receipt.
    pub digest: String,
}

#[derive(Clone)]
pub struct PgReceipts {
    pool: Database,
}

impl PgReceipts {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }

    pub async fn latest(&self, order: OrderId) -> Result<Option<Issued>, Error> {
        let latest = sqlx::query_as!(
            Issued,
            "select checks, issued_at, version, previous, digest from receipts where order_uuid = $1",
            order.uuid(),
        );
        Ok(latest.fetch_optional(&self.pool).await?)
    }

    /// Makes this the latest receipt of an order. Returns false if another one was issued since its previous one.
    pub async fn issue(&self, order: OrderId, receipt: &Issued) -> Result<bool, Error> {
        let issue = sqlx::query!(
            "insert into receipts (order_uuid, checks, issued_at, version, previous, digest)
            values ($1, $2, $3, $4, $5, $6)
            on conflict (order_uuid) do update
            set checks = excluded.checks, issued_at = excluded.issued_at, version = excluded.version,
                previous = excluded.previous, digest = excluded.digest
            where receipts.digest = excluded.previous",
            order.uuid(),
            receipt.checks.as_str(),
            receipt.issued_at,
            receipt.version.as_str(),
            receipt.previous.as_deref(),
            receipt.digest.as_str(),
        );
        Ok(issue.execute(&self.pool).await?.rows_affected() > 0)
    }
}
