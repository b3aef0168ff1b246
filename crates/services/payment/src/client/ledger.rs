//! The built-in provider: balances and a ledger in PostgreSQL. One SQL statement executes a group of charges, with at
//! most one charge per user.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use contracts::{
    ids::UserId,
    money::{self, Money},
};
use platform::postgres::{Database, DatabaseError, GroupCommit, retry_stale};

use super::{Balances, ChargeError, Declines, Lookup, Provider, Refund, Unknown};
use crate::model::{ChargeOutcome, ChargeState, Credit, Decline, Intent, RefundState};

#[derive(Clone)]
pub struct Ledger {
    pool: Database,
    charges: GroupCommit<BalanceCharge, Option<Entry>>,
    initial_balance: Money,
    declines: Declines,
}

impl Ledger {
    /// Creates the ledger. A user without a row in `balances` has `initial_balance`.
    pub fn new(pool: Database, initial_balance: Money, declines: Declines) -> Self {
        let charges = GroupCommit::by_key("charge_balances", pool.clone(), BalanceCharge::user, charge);
        Self { pool, charges, initial_balance, declines }
    }

    /// Debits the balance and writes the ledger entry, unless the transaction has an entry. Returns the new or existing
    /// entry.
    async fn enter(&self, intent: &Intent) -> sqlx::Result<Entry> {
        let request = BalanceCharge::new(intent, self.declines.of(intent), self.initial_balance);
        self.charges.submit(request).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Adds to the balance and inserts into `credits`, unless the reference has a row there. Returns the user and
    /// amount of the new or existing row, or `None` if the limit is exceeded.
    ///
    /// Of two concurrent calls with one reference, the second fails on the unique key and changes nothing. The initial
    /// balance plus all credits never exceeds [`money::MAX`]. So the balance never exceeds it either, and a refund
    /// always fits.
    async fn enter_credit(&self, credit: &Credit) -> sqlx::Result<Option<(UserId, i64)>> {
        let row = sqlx::query!(
            r#"with existing as (
                select user_uuid, amount from credits where reference = $1
            ), credited as (
                insert into balances (user_uuid, balance, initial, credited)
                select $2, $4::bigint + $3::bigint, $4, $3
                where not exists (select from existing)
                    and ($4 + $3 <= $5 or exists (select from balances where user_uuid = $2))
                on conflict (user_uuid) do update set balance = balances.balance + $3, credited = balances.credited + $3
                where balances.initial + balances.credited + $3 <= $5
                returning user_uuid
            ), credit as (
                insert into credits (reference, user_uuid, amount) select $1, user_uuid, $3 from credited
                returning user_uuid, amount
            )
            select user_uuid as "user!: UserId", amount as "amount!" from existing
            union all
            select user_uuid, amount from credit"#,
            credit.reference.as_str(),
            credit.user.uuid(),
            credit.amount.minor(),
            self.initial_balance.minor(),
            money::MAX,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| (row.user, row.amount)))
    }
}

impl Entry {
    fn state(self, intent: &Intent) -> Result<ChargeState, Unknown> {
        match (self.kind.as_str(), self.decline_reason.as_deref().and_then(Decline::parse)) {
            ("charge", None) => {
                Ok(ChargeState::Settled(ChargeOutcome::Charged { reference: intent.transaction.to_string() }))
            }
            ("decline", Some(decline)) => Ok(ChargeState::Settled(ChargeOutcome::Declined(decline))),
            _ => Err(Unknown(anyhow::anyhow!("the entry {} is neither a charge nor a decline", intent.transaction))),
        }
    }
}

#[async_trait]
impl Provider for Ledger {
    async fn charge(&self, intent: &Intent) -> Result<ChargeState, ChargeError> {
        let entered = match self.enter(intent).await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => self.enter(intent).await,
            entered => entered,
        };
        Ok(entered.map_err(unknown)?.state(intent)?)
    }

    async fn find(&self, intent: &Intent, _: Option<&str>) -> Result<Lookup, Unknown> {
        let entry = sqlx::query_as!(
            Entry,
            "select kind, decline_reason from ledger_entries where key = $1",
            intent.transaction.to_string(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(unknown)?;
        entry.map_or(Ok(Lookup::Absent), |entry| entry.state(intent).map(Lookup::Known))
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        let charges = sqlx::query_scalar!(
            r#"with charge as (
                select order_uuid, user_uuid, method from ledger_entries where key = $2 and kind = 'charge'
            ), entry as (
                insert into ledger_entries (key, kind, order_uuid, user_uuid, method, amount)
                select $1, 'refund', order_uuid, user_uuid, method, $3 from charge
                on conflict (key) do nothing
                returning user_uuid, method, amount
            ), credited as (
                update balances set balance = balances.balance + entry.amount
                from entry
                where balances.user_uuid = entry.user_uuid and entry.method = 'INVESTOR_MONEY'
            )
            select count(*) as "count!" from charge"#,
            refund.key,
            refund.charge,
            refund.amount.minor(),
        )
        .fetch_one(&self.pool)
        .await
        .map_err(unknown)?;
        if charges == 0 {
            return Err(Unknown(anyhow::anyhow!("there is no charge {}", refund.charge)));
        }
        Ok(RefundState::Refunded)
    }
}

#[async_trait]
impl Balances for Ledger {
    async fn balance_of(&self, user: UserId) -> Result<Money, DatabaseError> {
        let balance = retry_stale(|| {
            sqlx::query_scalar!("select balance from balances where user_uuid = $1", user.uuid())
                .fetch_optional(&self.pool)
        })
        .await?;
        let inconsistent = |_| DatabaseError::inconsistent("balances", "balance", user);
        balance.map_or(Ok(self.initial_balance), |minor| Money::from_minor(minor).map_err(inconsistent))
    }

    async fn credit(&self, credit: &Credit) -> Result<Option<Credit>, DatabaseError> {
        let entered = match self.enter_credit(credit).await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => self.enter_credit(credit).await,
            // A concurrent call with the same reference may have used the room that this one lacked.
            Ok(None) => self.enter_credit(credit).await,
            entered => entered,
        };
        let Some((user, amount)) = entered? else { return Ok(None) };
        let reference = credit.reference.clone();
        let inconsistent = |_| DatabaseError::inconsistent("credits", "amount", reference.as_str());
        let amount = Money::from_minor(amount).map_err(inconsistent)?;
        Ok(Some(Credit { reference: credit.reference.clone(), user, amount }))
    }
}

fn unknown(error: sqlx::Error) -> Unknown {
    Unknown(anyhow::Error::from(error).context("querying the ledger"))
}

#[derive(Clone)]
struct BalanceCharge {
    intent: Intent,
    /// The reason if [`Declines`](crate::client::Declines) declines the charge. The balance is then not checked.
    decline: Option<Decline>,
    /// The balance of a user who has no row in `balances`.
    initial: Money,
}

struct Entry {
    kind: String,
    decline_reason: Option<String>,
}

impl BalanceCharge {
    fn new(intent: &Intent, decline: Option<Decline>, initial: Money) -> Self {
        Self { intent: *intent, decline, initial }
    }

    /// Returns the key of the request in its group. A group has one request per user, because a statement can update a
    /// balance only once.
    fn user(&self) -> UserId {
        self.intent.user
    }
}

/// Debits the balances and writes a ledger entry for each transaction that has none. Returns each user's entry, new or
/// existing.
///
/// If a concurrent statement inserts the same entry or balance row, this statement violates a unique key and changes
/// nothing. A retry finds the other statement's row. It is one statement so that a balance and its entry change
/// together, in one round trip for all charges that wait.
async fn charge(pool: Database, requests: Arc<[BalanceCharge]>) -> sqlx::Result<HashMap<UserId, Entry>> {
    let intents = || requests.iter().map(|request| &request.intent);
    let keys: Vec<String> = intents().map(|intent| intent.transaction.to_string()).collect();
    let orders: Vec<_> = intents().map(|intent| intent.order.uuid()).collect();
    let users: Vec<_> = intents().map(|intent| intent.user.uuid()).collect();
    let methods: Vec<&str> = intents().map(|intent| intent.method.as_str()).collect();
    let amounts: Vec<i64> = intents().map(|intent| intent.amount.minor()).collect();
    let declines: Vec<Option<&str>> = requests.iter().map(|request| request.decline.map(Decline::as_str)).collect();
    let initials: Vec<i64> = requests.iter().map(|request| request.initial.minor()).collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select *
            from unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::bigint[])
                as request (key, order_uuid, user_uuid, method, amount, decline, initial)
        ), existing as materialized (
            select requests.key, requests.user_uuid, entry.kind, entry.decline_reason
            from requests
            cross join lateral (
                select kind, decline_reason from ledger_entries where ledger_entries.key = requests.key offset 0
            ) as entry
        ), debits as materialized (
            select user_uuid, amount, initial
            from requests
            where key not in (select key from existing) and decline is null and method = 'INVESTOR_MONEY'
        ), held as materialized (
            select user_uuid
            from balances
            where user_uuid = any(array(select user_uuid from debits))
            order by user_uuid
            for no key update
        ), debited as (
            update balances
            set balance = balances.balance - debits.amount
            from debits
            where balances.user_uuid = debits.user_uuid and balances.user_uuid = any(array(select user_uuid from held))
                and balances.balance >= debits.amount
            returning balances.user_uuid
        ), opened as (
            insert into balances (user_uuid, balance, initial)
            select user_uuid, initial - amount, initial
            from debits
            where amount <= initial and user_uuid not in (select user_uuid from held)
            order by user_uuid
            returning user_uuid
        ), decided as (
            select key, order_uuid, user_uuid, method, amount,
                coalesce(decline, case when method = 'INVESTOR_MONEY'
                    and user_uuid not in (select user_uuid from debited union all select user_uuid from opened)
                    then 'INSUFFICIENT_FUNDS' end) as reason
            from requests
            where key not in (select key from existing)
        ), entries as (
            insert into ledger_entries (key, kind, decline_reason, order_uuid, user_uuid, method, amount)
            select key, case when reason is null then 'charge' else 'decline' end, reason, order_uuid, user_uuid, method, amount
            from decided
            order by key
            returning user_uuid, kind, decline_reason
        )
        select user_uuid as "user!: UserId", kind as "kind!", decline_reason from existing
        union all
        select user_uuid, kind, decline_reason from entries"#,
        &keys,
        &orders,
        &users,
        &methods as _,
        &amounts,
        &declines as _,
        &initials,
    )
    .fetch_all(&pool)
    .await?;
    let entry = |kind, decline_reason| Entry { kind, decline_reason };
    Ok(rows.into_iter().map(|row| (row.user, entry(row.kind, row.decline_reason))).collect())
}
