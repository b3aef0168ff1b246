//! Customers and their checks, in the tables `customers`, `profiles`, `customer_versions` and `kyc_checks`.

use contracts::ids::UserId;
use platform::{auth::Author, postgres::retry_stale, telemetry};
use sqlx::types::Json;

use super::{DueCheck, FIRST_LEASE, Known, MAX_LEASE, PgRepository, Saved, lease, row::CustomerRow};
use crate::{
    error::Error,
    model::{Customer, Event, KycStatus, LoanStatus, Profile, Reason, Words},
};

impl PgRepository {
    pub async fn find(&self, customer: UserId) -> Result<Option<Known>, Error> {
        let row = retry_stale(|| {
            sqlx::query_as!(
                CustomerRow,
                r#"select uuid as "customer: UserId", kyc_status, version, reason, created_at, updated_at,
                profile as "profile: Json<Profile>", kept as "kept: Json<Profile>", words
            from customers join profiles on profiles.customer_uuid = customers.uuid
            where uuid = $1"#,
                customer.uuid(),
            )
            .fetch_optional(&self.pool)
        })
        .await?;
        Ok(row.map(CustomerRow::known).transpose()?)
    }

    /// Writes a change in one statement: the customer with its profile, the event, the check that the change starts or
    /// ends, and the decision about held loans. Erases the stored profile of a customer without one.
    ///
    /// `before` is the version that was read; `None` for a new customer. If the customer has another version by now,
    /// writes nothing and returns `None`.
    pub async fn save(&self, before: Option<i64>, customer: &Customer, event: &Event) -> Result<Option<Saved>, Error> {
        let record = outbox::Event::from(event);
        let json = |profile: Option<&Profile>| profile.map(|profile| serde_json::json!(profile));
        let loans = LoanStatus::for_customer(Some(event.status));
        // Written only to a check without an outcome, which a revoked customer does not have.
        let decision = match event.reason {
            _ if event.status == KycStatus::Pending => None,
            _ if event.status == KycStatus::Erased => Some("REFUSED"),
            Some(Reason::Refused | Reason::RolledBack) => Some("REFUSED"),
            Some(Reason::Revoked) | None => Some("APPROVED"),
        };
        // Writes only if the row still has the version that was read. Loans that are received meanwhile wait for the
        // row's lock, or the job `decide-loans` decides them.
        let saved = sqlx::query!(
            r#"with written as (
                insert into customers (uuid, kyc_status, version, reason)
                select $1, $2, $3, $4 where $5::bigint is null or exists (select from customers where uuid = $1)
                on conflict (uuid) do update
                set kyc_status = excluded.kyc_status, version = excluded.version, reason = excluded.reason,
                    created_at = case customers.kyc_status when 'ERASED' then now() else customers.created_at end,
                    updated_at = now()
                where customers.version = $5
                returning uuid, version, created_at, updated_at
            ), profile as (
                insert into profiles (customer_uuid, profile, kept, words)
                select uuid, $6::jsonb, $7::jsonb, $8::text from written
                on conflict (customer_uuid) do update
                set profile = excluded.profile, kept = excluded.kept, words = excluded.words
            ), of_version as (
                insert into customer_versions (customer_uuid, version, kyc_status, reason, decided_by)
                select uuid, version, $2, $4, $15 from written
            ), step as (
                insert into kyc_checks (customer_uuid, version)
                select uuid, version from written where $2 = 'KYC_PENDING'
            ), decided as (
                update kyc_checks set outcome = $9, decided_at = now()
                from written
                where customer_uuid = written.uuid and kyc_checks.version = $5 and outcome is null and $9::text is not null
            ), decided_loans as (
                update loans set status = $10, customer_version = written.version, decided_at = now(), next_try_at = now()
                from written
                where loans.customer_uuid = written.uuid and loans.status = 'held' and $10 <> 'held'
                returning loan_id
            ), event as (
                insert into outbox (event_uuid, event_type, key, payload, trace)
                select $11, $12, uuid, $13, $14 from written
            )
            select created_at as "created_at!", updated_at as "updated_at!",
                (select count(*) from decided_loans) as "decided!"
            from written"#,
            customer.id.uuid(),
            event.status.as_str(),
            event.version,
            event.reason.map(Reason::as_str),
            before,
            json(customer.profile()),
            json(customer.kept()),
            customer.why.as_ref().and_then(|why| why.words.as_ref()).map(Words::as_str),
            decision,
            loans.as_str(),
            record.uuid,
            record.kind,
            record.payload,
            telemetry::trace(),
            event.decided_by.as_ref().map(Author::as_str),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(saved.map(|row| {
            let decided = u64::try_from(row.decided).unwrap_or_default();
            let (created_at, updated_at) = (row.created_at, row.updated_at);
            let (crediting, refused) = if loans == LoanStatus::Crediting { (decided, 0) } else { (0, decided) };
            Saved { created_at, updated_at, crediting, refused }
        }))
    }

    /// Leases at most `limit` due checks without a verdict to the caller, those with the fewest tries first. A check is
    /// due again when its lease expires.
    pub async fn due_checks(&self, limit: i64) -> Result<Vec<DueCheck>, Error> {
        let rows = sqlx::query!(
            r#"update kyc_checks set
                tries = tries + 1,
                next_try_at = now() + make_interval(secs => least($2 * power(2, least(tries, 10)), $3))
            where (customer_uuid, version) in (
                select customer_uuid, version from kyc_checks
                where outcome is null and next_try_at <= now()
                order by tries, next_try_at
                limit $1
                for update skip locked
            )
            returning customer_uuid as "customer: UserId", version, tries"#,
            limit,
            FIRST_LEASE.as_secs_f64(),
            MAX_LEASE.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().map(|row| {
            let tries_before = u32::try_from(row.tries).unwrap_or(1).saturating_sub(1);
            DueCheck { customer: row.customer, version: row.version, lease: lease(tries_before) }
        });
        Ok(due.collect())
    }
}
