//! The PostgreSQL implementation of [`DirectPayments`].

use async_trait::async_trait;
use contracts::ids::TransactionId;
use platform::postgres::Database;

use crate::{error::Error, model::DirectPayment, repository::DirectPayments};

#[derive(Clone)]
pub struct PgDirectPayments {
    pool: Database,
}

impl PgDirectPayments {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl DirectPayments for PgDirectPayments {
    async fn record(&self, direct: &DirectPayment) -> Result<TransactionId, Error> {
        let transaction = sqlx::query_scalar!(
            r#"insert into direct_payments (order_uuid, user_uuid, transaction_uuid, method)
            values ($1, $2, $3, $4)
            on conflict (order_uuid, user_uuid) do update set order_uuid = excluded.order_uuid
            returning transaction_uuid as "transaction_uuid: TransactionId""#,
            direct.order.uuid(),
            direct.user.uuid(),
            direct.transaction.uuid(),
            direct.method.as_str(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(transaction)
    }
}
