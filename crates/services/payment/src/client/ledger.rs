//! The built-in provider: balances and books of its own in PostgreSQL.

use async_trait::async_trait;
use contracts::money::Money;
use platform::postgres::Database;

use super::{Declines, Provider, Refund, Unknown};
use crate::model::{Decline, Intent, Outcome};

#[derive(Clone)]
pub struct Ledger {
    pool: Database,
    initial_balance: Money,
    declines: Declines,
}

/// What an entry says of a charge.
struct Verdict {
    kind: String,
    decline_reason: Option<String>,
}

impl Ledger {
    /// A user who is new to it has `initial_balance`.
    pub fn new(pool: Database, initial_balance: Money, declines: Declines) -> Self {
        Self { pool, initial_balance, declines }
    }

    /// Takes from the balance and writes the entry, unless there is one. A repetition that runs at the same time and comes second
    /// is undone as a whole by the entry's key.
    async fn enter(&self, intent: &Intent) -> sqlx::Result<Verdict> {
        sqlx::query_as!(
            Verdict,
            r#"with known as (
                select kind, decline_reason from ledger_entries where key = $1
            ), taken as (
                insert into balances (user_uuid, balance, initial)
                select $3, greatest($7::bigint - $5, 0), $7
                where not exists (select from known) and $6::text is null and $4 = 'INVESTOR_MONEY'
                    and ($7 >= $5 or exists (select from balances where user_uuid = $3))
                on conflict (user_uuid) do update set balance = balances.balance - $5
                where balances.balance >= $5
                returning user_uuid
            ), verdict as (
                select coalesce($6, case when $4 = 'INVESTOR_MONEY' and not exists (select from taken)
                    then 'INSUFFICIENT_FUNDS' end) as reason
            ), entry as (
                insert into ledger_entries (key, kind, decline_reason, order_uuid, user_uuid, method, amount)
                select $1, case when reason is null then 'charge' else 'decline' end, reason, $2, $3, $4, $5 from verdict
                where not exists (select from known)
                returning kind, decline_reason
            )
            select kind as "kind!", decline_reason from known
            union all
            select kind, decline_reason from entry"#,
            intent.transaction.to_string(),
            intent.order,
            intent.user,
            intent.method.as_str(),
            intent.amount.minor(),
            self.declines.of(intent).map(Decline::as_str),
            self.initial_balance.minor(),
        )
        .fetch_one(&self.pool)
        .await
    }
}

impl Verdict {
    fn outcome(self, intent: &Intent) -> Result<Outcome, Unknown> {
        match (self.kind.as_str(), self.decline_reason.as_deref().and_then(Decline::parse)) {
            ("charge", None) => Ok(Outcome::Charged { reference: intent.transaction.to_string() }),
            ("decline", Some(decline)) => Ok(Outcome::Declined(decline)),
            _ => Err(Unknown(anyhow::anyhow!("the entry {} is neither a charge nor a decline", intent.transaction))),
        }
    }
}

#[async_trait]
impl Provider for Ledger {
    async fn charge(&self, intent: &Intent) -> Result<Outcome, Unknown> {
        let entered = match self.enter(intent).await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => self.enter(intent).await,
            entered => entered,
        };
        entered.map_err(unknown)?.outcome(intent)
    }

    async fn find(&self, intent: &Intent) -> Result<Option<Outcome>, Unknown> {
        let verdict = sqlx::query_as!(
            Verdict,
            "select kind, decline_reason from ledger_entries where key = $1",
            intent.transaction.to_string(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(unknown)?;
        verdict.map(|verdict| verdict.outcome(intent)).transpose()
    }

    async fn refund(&self, refund: &Refund) -> Result<(), Unknown> {
        let charges = sqlx::query_scalar!(
            r#"with charge as (
                select order_uuid, user_uuid, method from ledger_entries where key = $2 and kind = 'charge'
            ), entry as (
                insert into ledger_entries (key, kind, order_uuid, user_uuid, method, amount)
                select $1, 'refund', order_uuid, user_uuid, method, $3 from charge
                on conflict (key) do nothing
                returning user_uuid, method, amount
            ), given as (
                update balances set balance = balances.balance + entry.amount
                from entry
                where balances.user_uuid = entry.user_uuid and entry.method = 'INVESTOR_MONEY'
            )
            select count(*) as "count!" from charge"#,
            refund.key,
            refund.reference,
            refund.amount.minor(),
        )
        .fetch_one(&self.pool)
        .await
        .map_err(unknown)?;
        if charges == 0 {
            return Err(Unknown(anyhow::anyhow!("there is no charge {}", refund.reference)));
        }
        Ok(())
    }
}

fn unknown(error: sqlx::Error) -> Unknown {
    Unknown(anyhow::Error::from(error).context("asking the ledger"))
}
