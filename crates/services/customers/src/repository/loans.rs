//! Loans, in the table `loans`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::{
    cursor,
    postgres::{consistent, fetch_each, retry_stale},
};

use super::{Decided, FIRST_LEASE, LoanPage, MAX_LEASE, PgRepository, Position, lease, row::LoanRow};
use crate::{
    error::Error,
    model::{Loan, LoanId, LoanStatus, NewLoan},
};

fn next(is_full: bool, received_at: Option<DateTime<Utc>>, loan_id: Option<String>) -> Option<Position> {
    let (received_at, loan_id) = received_at.zip(loan_id).filter(|_| is_full)?;
    Some(Position { received_at, loan_id })
}

impl PgRepository {
    /// Records a loan and decides it by its customer's current status. Returns the loan's status, or `None` for a
    /// redelivery. Fails with [`Error::LoanIdReused`] if the id belongs to another customer or amount.
    pub async fn receive_loan(&self, loan: &NewLoan) -> Result<Option<LoanStatus>, Error> {
        // If the customer is being changed, the lock makes the insert wait, so that it sees the change.
        let inserted = sqlx::query_scalar!(
            r#"with customer as (
                select kyc_status, version from customers where uuid = $2 for share
            ), decision as (
                select case when customer.kyc_status = 'VERIFIED' then 'crediting'
                        when customer.kyc_status in ('REJECTED', 'ERASED') then 'refused' else 'held' end as status,
                    customer.version
                from (select) as always left join customer on true
            )
            insert into loans (loan_id, customer_uuid, amount, approved_at, status, customer_version, decided_at)
            select $1, $2, $3, $4, status, case when status <> 'held' then version end, case when status <> 'held' then now() end
            from decision
            on conflict (loan_id) do nothing
            returning status"#,
            loan.id.as_str(),
            loan.customer.uuid(),
            loan.amount.minor(),
            loan.approved_at,
        )
        .fetch_optional(&self.pool)
        .await?;
        if let Some(status) = inserted {
            return Ok(LoanStatus::parse(&status));
        }
        let same = sqlx::query_scalar!(
            r#"select (customer_uuid = $2 and amount = $3) as "same!" from loans where loan_id = $1"#,
            loan.id.as_str(),
            loan.customer.uuid(),
            loan.amount.minor(),
        )
        .fetch_one(&self.pool)
        .await?;
        if same { Ok(None) } else { Err(Error::LoanIdReused) }
    }

    /// Reads at most `limit` held loans that were received before a position, the last received first. Decides those
    /// whose customer exists and is not being checked.
    pub async fn decide_held(&self, before: Option<&Position>, limit: i64) -> Result<Decided, Error> {
        let decided = sqlx::query!(
            r#"with page as materialized (
                select loan_id, customer_uuid, received_at from loans
                where status = 'held'
                    and (received_at, loan_id) < (coalesce($2, 'infinity'::timestamptz), coalesce($3, ''))
                order by received_at desc, loan_id desc limit $1
            ), known as (
                select loan_id, kyc_status, version
                from page join customers on uuid = customer_uuid
                where kyc_status <> 'KYC_PENDING'
                for share of customers skip locked
            ), decided as (
                update loans set status = case kyc_status when 'VERIFIED' then 'crediting' else 'refused' end,
                    customer_version = version, decided_at = now(), next_try_at = now()
                from known
                where loans.loan_id = known.loan_id and loans.status = 'held'
                returning loans.status
            ), last as (
                select received_at, loan_id from page order by received_at, loan_id limit 1
            )
            select count(*) filter (where status = 'crediting') as "crediting!",
                count(*) filter (where status = 'refused') as "refused!",
                (select count(*) from page) as "read!",
                (select received_at from last), (select loan_id from last)
            from decided"#,
            limit,
            before.map(|position| position.received_at),
            before.map(|position| position.loan_id.as_str()),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Decided {
            crediting: decided.crediting.unsigned_abs(),
            refused: decided.refused.unsigned_abs(),
            next: next(decided.read >= limit, decided.received_at, decided.loan_id),
        })
    }

    /// Reads at most `limit` loans that were held for `hold` and received after a position, the first received first.
    /// Refuses those whose user is not a customer.
    pub async fn refuse_unknown(&self, hold: Duration, after: Option<&Position>, limit: i64) -> Result<Decided, Error> {
        let decided = sqlx::query!(
            r#"with page as materialized (
                select loan_id, customer_uuid, received_at from loans
                where status = 'held' and received_at < now() - make_interval(secs => $2)
                    and (received_at, loan_id) > (coalesce($3, '-infinity'::timestamptz), coalesce($4, ''))
                order by received_at, loan_id limit $1
            ), refused as (
                update loans set status = 'refused', decided_at = now(), next_try_at = now()
                from page
                where loans.loan_id = page.loan_id and loans.status = 'held'
                    and not exists (select from customers where uuid = page.customer_uuid)
                returning loans.loan_id
            ), last as (
                select received_at, loan_id from page order by received_at desc, loan_id desc limit 1
            )
            select count(*) as "refused!", (select count(*) from page) as "read!",
                (select received_at from last), (select loan_id from last)
            from refused"#,
            limit,
            hold.as_secs_f64(),
            after.map(|position| position.received_at),
            after.map(|position| position.loan_id.as_str()),
        )
        .fetch_one(&self.pool)
        .await?;
        let next = next(decided.read >= limit, decided.received_at, decided.loan_id);
        Ok(Decided { crediting: 0, refused: decided.refused.unsigned_abs(), next })
    }

    /// Leases at most `limit` loans that are due for credit to the caller, those with the fewest tries first. Returns
    /// each with the duration of its lease, after which it is due again. Logs and skips a row that is not a valid loan.
    pub async fn due_credits(&self, limit: i64) -> Result<Vec<(Loan, Duration)>, Error> {
        let take = || {
            sqlx::query!(
                r#"update loans set
                tries = tries + 1,
                next_try_at = now() + make_interval(secs => least($2 * power(2, least(tries, 10)), $3))
            where loan_id in (
                select loan_id from loans
                where status = 'crediting' and next_try_at <= now()
                order by tries, next_try_at
                limit $1
                for update skip locked
            )
            returning loan_id, customer_uuid as "customer: UserId", amount, status, received_at, reason, tries"#,
                limit,
                FIRST_LEASE.as_secs_f64(),
                MAX_LEASE.as_secs_f64(),
            )
        };
        let rows = fetch_each(&self.pool, take).await?;
        let due = rows.into_iter().filter_map(|row| {
            let tries_before = u32::try_from(row.tries).unwrap_or(1).saturating_sub(1);
            let loan = LoanRow {
                loan_id: row.loan_id,
                customer: row.customer,
                amount: row.amount,
                status: row.status,
                received_at: row.received_at,
                reason: row.reason,
            };
            Some((consistent(loan.loan())?, lease(tries_before)))
        });
        Ok(due.collect())
    }

    /// Records that the payment service has credited the loan, or why it refused the credit permanently. Returns
    /// false if an end was already recorded.
    pub async fn end_credit(&self, loan: &LoanId, refusal: Option<&str>) -> Result<bool, Error> {
        let changed = sqlx::query!(
            "update loans set status = case when $2::text is null then 'credited' else 'refused' end,
                credited_at = case when $2 is null then now() end, reason = left($2, 100)
            where loan_id = $1 and status = 'crediting'",
            loan.as_str(),
            refusal,
        )
        .execute(&self.pool)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Returns a page of the user's loans, newest first, beginning after the loan `after`. Logs and skips a row that is
    /// not a valid loan.
    pub async fn list_loans(&self, customer: UserId, after: Option<&LoanId>, size: u32) -> Result<LoanPage, Error> {
        let rows = retry_stale(|| {
            sqlx::query_as!(
                LoanRow,
                r#"select loan_id, customer_uuid as "customer: UserId", amount, status, received_at, reason
            from loans
            where customer_uuid = $1 and (received_at, loan_id) < (
                case when $2::text is null then 'infinity'
                    else (select received_at from loans where loan_id = $2 and customer_uuid = $1) end,
                coalesce($2, ''))
            order by received_at desc, loan_id desc limit $3"#,
                customer.uuid(),
                after.map(LoanId::as_str),
                i64::from(size) + 1,
            )
            .fetch_all(&self.pool)
        });
        let mut rows = rows.await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let next = cursor::cut(&mut rows, size, |last| last.loan_id.clone());
        Ok((rows.into_iter().filter_map(|row| consistent(row.loan())).collect(), next))
    }
}
