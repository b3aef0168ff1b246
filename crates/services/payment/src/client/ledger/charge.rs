//! Charges balances. One SQL statement executes a group of charges, with at most one charge per user.

use std::{collections::HashMap, sync::Arc};

use contracts::{ids::UserId, money::Money};
use platform::postgres::Database;

use crate::model::{Decline, Intent};

#[derive(Clone)]
pub struct Request {
    intent: Intent,
    /// The reason if [`Declines`](crate::client::Declines) declines the charge. The balance is then not checked.
    decline: Option<Decline>,
    /// The balance of a user who has no row in `balances`.
    initial: Money,
}

pub struct Entry {
    pub kind: String,
    pub decline_reason: Option<String>,
}

impl Request {
    pub fn new(intent: &Intent, decline: Option<Decline>, initial: Money) -> Self {
        Self { intent: *intent, decline, initial }
    }

    /// Returns the key of the request in its group. A group has one request per user, because a statement can update a balance only once.
    pub fn user(&self) -> UserId {
        self.intent.user
    }
}

/// Debits the balances and writes a ledger entry for each transaction that has none. Returns each user's entry, new or existing.
///
/// If a concurrent statement inserts the same entry or balance row, this statement violates a unique key and changes
/// nothing. Its repetition finds the other statement's row. It is one statement so that a balance and its entry change
/// together, in one round trip for all charges that wait.
pub async fn charge(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<UserId, Entry>> {
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
