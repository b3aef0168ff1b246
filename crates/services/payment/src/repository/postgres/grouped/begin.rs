//! Records intents to charge.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use contracts::ids::TransactionId;
use platform::postgres::Database;

use crate::model::Intent;

/// Records intents and returns the time of each recorded intent. Skips intents whose attempt is recorded already or blocked by another
/// attempt.
pub async fn begin(pool: Database, intents: Arc<[Intent]>) -> sqlx::Result<HashMap<TransactionId, DateTime<Utc>>> {
    let transactions: Vec<_> = intents.iter().map(|intent| intent.transaction.uuid()).collect();
    let orders: Vec<_> = intents.iter().map(|intent| intent.order.uuid()).collect();
    let attempts: Vec<i64> = intents.iter().map(|intent| intent.attempt.into()).collect();
    let users: Vec<_> = intents.iter().map(|intent| intent.user.uuid()).collect();
    let methods: Vec<&str> = intents.iter().map(|intent| intent.method.as_str()).collect();
    let amounts: Vec<i64> = intents.iter().map(|intent| intent.amount.minor()).collect();
    let providers: Vec<&str> = intents.iter().map(|intent| intent.provider.as_str()).collect();
    let recorded = sqlx::query!(
        r#"insert into payments (transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider)
        select transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider
        from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::bigint[], $7::text[])
            as intent (transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider)
        order by order_uuid
        on conflict do nothing
        returning transaction_uuid as "transaction_uuid: TransactionId", created_at"#,
        &transactions,
        &orders,
        &attempts,
        &users,
        &methods as _,
        &amounts,
        &providers as _,
    )
    .fetch_all(&pool)
    .await?;
    Ok(recorded.into_iter().map(|row| (row.transaction_uuid, row.created_at)).collect())
}
