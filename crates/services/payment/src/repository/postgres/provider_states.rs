//! Records the provider's answers about pending charges and about refunds.

use std::time::Duration;

use contracts::ids::TransactionId;
use platform::postgres::Database;

use crate::{error::Error, model::RefundRequest, repository::INITIAL_LEASE};

pub(super) async fn processing(pool: &Database, transaction: TransactionId, reference: &str) -> Result<(), Error> {
    sqlx::query!(
        "update payments set provider_reference = $2
            where transaction_uuid = $1 and status = 'pending' and provider_reference is distinct from $2",
        transaction.uuid(),
        reference,
    )
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn continue_refund(
    pool: &Database,
    transaction: TransactionId,
    current: &RefundRequest,
    next: &RefundRequest,
    pause: Duration,
) -> Result<(), Error> {
    sqlx::query!(
        "update payments set
                refund_number = $4,
                refund_reference = $5,
                tries = case when refund_reference is null or $5::text is null then 0 else tries end,
                next_try_at = now() + make_interval(secs => $6),
                updated_at = case when refund_number = 1 and $4 = 2 then now() else updated_at end
            where transaction_uuid = $1 and status = 'refunding'
                and refund_number = $2 and refund_reference is not distinct from $3",
        transaction.uuid(),
        i32::try_from(current.number).unwrap_or(i32::MAX),
        current.reference.as_deref(),
        i32::try_from(next.number).unwrap_or(i32::MAX),
        next.reference.as_deref(),
        pause.as_secs_f64(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn refunded(
    pool: &Database,
    transaction: TransactionId,
    request: &RefundRequest,
) -> Result<(), Error> {
    sqlx::query!(
        "update payments set status = 'refunded', updated_at = now()
            where transaction_uuid = $1 and status = 'refunding'
                and refund_number = $2 and refund_reference is not distinct from $3",
        transaction.uuid(),
        i32::try_from(request.number).unwrap_or(i32::MAX),
        request.reference.as_deref(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn hurry(pool: &Database, transaction: TransactionId) -> Result<(), Error> {
    sqlx::query!(
        "update payments
            set next_try_at = least(next_try_at, greatest(now(), created_at + make_interval(secs => $2)))
            where transaction_uuid = $1 and status in ('pending', 'refunding')",
        transaction.uuid(),
        INITIAL_LEASE.as_secs_f64(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn reopen_refund(pool: &Database, transaction: TransactionId, number: u32) -> Result<(), Error> {
    sqlx::query!(
        "update payments
            set status = 'refunding', refund_number = refund_number + 1, refund_reference = null, tries = 0,
                next_try_at = now(), updated_at = now()
            where transaction_uuid = $1 and status = 'refunded' and refund_number = $2",
        transaction.uuid(),
        i32::try_from(number).unwrap_or(i32::MAX),
    )
    .execute(pool)
    .await?;
    Ok(())
}
