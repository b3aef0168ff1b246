//! Counts the requests to charge of an attempt. A request is counted before it is sent, and taken back if the provider refused to execute
//! it: without a counted request nothing can have been charged.

use contracts::ids::TransactionId;
use platform::{outbox, postgres::Database};

use crate::{
    error::Error,
    model::{Intent, Outcome, Status},
};

pub(super) async fn count(pool: &Database, transaction: TransactionId) -> Result<bool, Error> {
    let counted = sqlx::query!(
        "update payments set requests = requests + 1 where transaction_uuid = $1 and status = 'pending'",
        transaction.uuid(),
    )
    .execute(pool)
    .await?;
    Ok(counted.rows_affected() > 0)
}

/// Takes a request back. Returns true if it was the last one, which ends the attempt.
pub(super) async fn refuse(pool: &Database, intent: &Intent) -> Result<bool, Error> {
    let (status, event) = intent.settled(&Outcome::REFUSED, false);
    let Status::Declined(decline) = status else { return Ok(false) };
    let event = outbox::Event::from(&event);
    let ended = sqlx::query!(
        "with refused as (
            update payments set
                requests = requests - 1,
                status = case requests when 1 then 'declined' else status end,
                decline_reason = case requests when 1 then $2 end,
                updated_at = case requests when 1 then now() else updated_at end
            where transaction_uuid = $1 and status = 'pending'
            returning order_uuid, status
        )
        insert into outbox (event_uuid, event_type, key, payload, trace)
        select $3, $4, order_uuid, $5, $6 from refused where status = 'declined'",
        intent.transaction.uuid(),
        decline.as_str(),
        event.uuid,
        event.kind,
        event.payload,
        outbox::trace(),
    )
    .execute(pool)
    .await?;
    Ok(ended.rows_affected() > 0)
}
