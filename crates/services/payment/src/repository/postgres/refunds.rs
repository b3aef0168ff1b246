//! The PostgreSQL implementation of [`Refunds`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    ids::{OrderId, TransactionId},
    money::Money,
};
use platform::{
    auth::Author,
    postgres::{Database, DatabaseError, consistent, retry_stale},
};
use uuid::Uuid;

use super::payments::PgPayments;
use crate::{
    error::Error,
    model::{
        MAX_PARTIAL_REFUNDS, PartialRefund, PartialRefundStatus, RecordedRefund, Reference, RefundReason,
        RefundRequest, RefundState,
    },
    repository::{FIRST_LEASE, MAX_LEASE, Refunds},
};

struct RefundRow {
    order_uuid: OrderId,
    transaction_uuid: TransactionId,
    reference: String,
    amount: i64,
    reason: String,
    decided_by: Option<String>,
    status: String,
    refund_number: i32,
    refund_reference: Option<String>,
    tries: i32,
}

/// Expands to `sqlx::query_as!` of a statement that returns [`RefundRow`]s. `COLUMNS` stands for their columns, those
/// of `partial_refunds` joined with `payments`.
macro_rules! query_refunds {
    ($before:tt + COLUMNS $(+ $after:tt)?, $($arguments:tt)+) => {
        sqlx::query_as!(
            RefundRow,
            $before
                + r#"payments.order_uuid as "order_uuid!: _",
                    partial_refunds.transaction_uuid as "transaction_uuid!: _",
                    partial_refunds.reference as "reference!", partial_refunds.amount as "amount!",
                    partial_refunds.reason as "reason!", partial_refunds.decided_by,
                    partial_refunds.status as "status!", partial_refunds.refund_number as "refund_number!",
                    partial_refunds.refund_reference, partial_refunds.tries as "tries!""#
                $(+ $after)?,
            $($arguments)+
        )
    };
}

impl RefundRow {
    fn refund(self) -> Result<RecordedRefund, Error> {
        let transaction = self.transaction_uuid;
        let inconsistent = |column| Error::from(DatabaseError::inconsistent("partial_refunds", column, transaction));
        let number = u32::try_from(self.refund_number).map_err(|_| inconsistent("refund_number"))?;
        let status = match self.status.as_str() {
            "refunding" => PartialRefundStatus::Refunding(RefundRequest { number, reference: self.refund_reference }),
            "refunded" => PartialRefundStatus::Refunded { number },
            _ => return Err(inconsistent("status")),
        };
        let refund = PartialRefund {
            order: self.order_uuid,
            reference: Reference::new(self.reference).map_err(|_| inconsistent("reference"))?,
            amount: Money::from_minor(self.amount).map_err(|_| inconsistent("amount"))?,
            reason: RefundReason::parse(&self.reason).ok_or_else(|| inconsistent("reason"))?,
            // A replica of the previous release stores no author.
            decided_by: Author::part(self.decided_by.as_deref().unwrap_or_default()),
        };
        Ok(RecordedRefund { refund, transaction, status })
    }
}

/// Adds the amount to `partially_refunded` in `payments` and inserts the refund, unless it exists. Returns `None` if
/// the payment is not charged, has too many refunds, or has less left than the amount. The statement locks the
/// payment's row, so concurrent refunds together cannot exceed the charge.
///
/// Of two concurrent calls for one refund, the second does not see the uncommitted row of the first. It then violates
/// the primary key or returns `None`, and changes nothing.
async fn add(pool: &Database, refund: &PartialRefund) -> sqlx::Result<Option<RefundRow>> {
    query_refunds!(
        "with existing as (
            select * from partial_refunds where refund_uuid = $1
        ), charged as (
            update payments
            set partially_refunded = partially_refunded + $4, updated_at = now()
            where order_uuid = $2 and status = 'succeeded' and partially_refunded + $4 <= amount
                and not exists (select from existing)
                and (
                    select count(*) from partial_refunds
                    where partial_refunds.transaction_uuid = payments.transaction_uuid
                ) < $6
            returning transaction_uuid
        ), added as (
            insert into partial_refunds (refund_uuid, transaction_uuid, reference, amount, reason, decided_by)
            select $1, transaction_uuid, $3, $4, $5, $7 from charged
            returning *
        )
        select "
            + COLUMNS
            + "
        from (select * from existing union all select * from added) as partial_refunds
        join payments using (transaction_uuid)",
        refund.id(),
        refund.order.uuid(),
        refund.reference.as_str(),
        refund.amount.minor(),
        refund.reason.as_str(),
        i64::try_from(MAX_PARTIAL_REFUNDS).unwrap_or(i64::MAX),
        refund.decided_by.as_str(),
    )
    .fetch_optional(pool)
    .await
}

#[async_trait]
impl Refunds for PgPayments {
    async fn add_refund(&self, refund: &PartialRefund) -> Result<Option<RecordedRefund>, Error> {
        let added = match add(&self.pool, refund).await {
            Ok(None) => add(&self.pool, refund).await,
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => add(&self.pool, refund).await,
            added => added,
        };
        added?.map(RefundRow::refund).transpose()
    }

    async fn due_refunds(&self, limit: i64) -> Result<Vec<(RecordedRefund, u32)>, Error> {
        let rows = query_refunds!(
            "update partial_refunds set
                tries = partial_refunds.tries + 1,
                next_try_at = now() + make_interval(secs => least($2 * power(2, least(partial_refunds.tries, 10)), $3))
            from payments
            where payments.transaction_uuid = partial_refunds.transaction_uuid and refund_uuid in (
                select refund_uuid from partial_refunds
                where status = 'refunding' and next_try_at <= now()
                order by tries, next_try_at
                limit $1
                for update skip locked
            )
            returning "
                + COLUMNS,
            limit,
            FIRST_LEASE.as_secs_f64(),
            MAX_LEASE.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().filter_map(|row| {
            let tries_before = u32::try_from(row.tries).unwrap_or(1).saturating_sub(1);
            Some((consistent(row.refund())?, tries_before))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(_, tries)| *tries);
        Ok(due)
    }

    async fn record_refund(
        &self,
        refund: Uuid,
        request: &RefundRequest,
        state: &RefundState,
        backoff: Duration,
    ) -> Result<(), Error> {
        let next = request.next(state);
        sqlx::query!(
            "update partial_refunds set
                status = case when $4::integer is null then 'refunded' else status end,
                refund_number = coalesce($4, refund_number),
                refund_reference = $5,
                tries = case when refund_reference is null or $5::text is null then 0 else tries end,
                next_try_at = now() + make_interval(secs => $6),
                requested_at = case when refund_number = 1 and $4 = 2 then now() else requested_at end,
                updated_at = now()
            where refund_uuid = $1 and status = 'refunding'
                and refund_number = $2 and refund_reference is not distinct from $3",
            refund,
            i32::try_from(request.number).unwrap_or(i32::MAX),
            request.reference.as_deref(),
            next.as_ref().map(|next| i32::try_from(next.number).unwrap_or(i32::MAX)),
            next.as_ref().and_then(|next| next.reference.as_deref()),
            backoff.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn hurry_partial_refund(&self, refund: Uuid) -> Result<(), Error> {
        sqlx::query!(
            "update partial_refunds set next_try_at = least(next_try_at, now())
            where refund_uuid = $1 and status = 'refunding'",
            refund,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn reopen_partial_refund(&self, refund: Uuid, number: u32) -> Result<(), Error> {
        sqlx::query!(
            "update partial_refunds
            set status = 'refunding', refund_number = refund_number + 1, refund_reference = null, tries = 0,
                next_try_at = now(), requested_at = now(), updated_at = now()
            where refund_uuid = $1 and status = 'refunded' and refund_number = $2",
            refund,
            i32::try_from(number).unwrap_or(i32::MAX),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn refunds_of(&self, transaction: TransactionId) -> Result<Vec<RecordedRefund>, Error> {
        let rows = retry_stale(|| {
            query_refunds!(
                "select "
                    + COLUMNS
                    + "
                from partial_refunds join payments using (transaction_uuid)
                where transaction_uuid = $1
                order by partial_refunds.created_at, refund_uuid",
                transaction.uuid(),
            )
            .fetch_all(&self.pool)
        });
        Ok(rows.await?.into_iter().filter_map(|row| consistent(row.refund())).collect())
    }

    async fn continue_refund(
        &self,
        transaction: TransactionId,
        current: &RefundRequest,
        next: &RefundRequest,
        backoff: Duration,
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
            backoff.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn refunded(&self, transaction: TransactionId, request: &RefundRequest) -> Result<(), Error> {
        sqlx::query!(
            "update payments set status = 'refunded', updated_at = now()
            where transaction_uuid = $1 and status = 'refunding'
                and refund_number = $2 and refund_reference is not distinct from $3",
            transaction.uuid(),
            i32::try_from(request.number).unwrap_or(i32::MAX),
            request.reference.as_deref(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn reopen_refund(&self, transaction: TransactionId, number: u32) -> Result<(), Error> {
        sqlx::query!(
            "update payments
            set status = 'refunding', refund_number = refund_number + 1, refund_reference = null, tries = 0,
                next_try_at = now(), updated_at = now()
            where transaction_uuid = $1 and status = 'refunded' and refund_number = $2",
            transaction.uuid(),
            i32::try_from(number).unwrap_or(i32::MAX),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
