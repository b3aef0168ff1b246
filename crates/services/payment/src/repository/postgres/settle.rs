//! Records the outcomes of charges.

use std::{collections::HashMap, sync::Arc};

use contracts::ids::TransactionId;
use platform::{
    outbox::{self, Columns},
    postgres::Database,
};

use super::row::{Row, query_payments};
use crate::model::{Intent, Outcome};

#[derive(Clone)]
pub struct Request {
    transaction: TransactionId,
    decline: Option<&'static str>,
    reference: Option<String>,
    event: outbox::Event,
    /// The event's payload for a cancelled order. The statement chooses this payload or that of `event` by the row's
    /// `cancelled`.
    of_cancelled: Vec<u8>,
    /// The trace context of this request; the group's statement has another one.
    trace: outbox::Trace,
}

impl Request {
    pub fn new(intent: &Intent, outcome: &Outcome) -> Self {
        let (decline, reference) = match outcome {
            Outcome::Charged { reference } => (None, Some(reference.clone())),
            Outcome::Declined(decline) => (Some(decline.as_str()), None),
        };
        let event = |cancelled| outbox::Event::from(&intent.settled(outcome, cancelled).1);
        Self {
            transaction: intent.transaction,
            decline,
            reference,
            event: event(false),
            of_cancelled: event(true).payload,
            trace: outbox::trace(),
        }
    }

    pub fn transaction(&self) -> TransactionId {
        self.transaction
    }
}

/// Settles payments. Returns only those that this statement settled.
pub async fn settle(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<TransactionId, Row>> {
    let transactions: Vec<_> = requests.iter().map(|request| request.transaction.uuid()).collect();
    let declines: Vec<Option<&str>> = requests.iter().map(|request| request.decline).collect();
    let references: Vec<Option<&str>> = requests.iter().map(|request| request.reference.as_deref()).collect();
    let events: Columns = requests.iter().map(|request| request.event.clone()).collect();
    let of_cancelled: Vec<&[u8]> = requests.iter().map(|request| request.of_cancelled.as_slice()).collect();
    let traces: Vec<_> = requests.iter().map(|request| request.trace.clone()).collect();
    let rows = query_payments!(
        "with requests as materialized (
            select *
            from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[], $8::jsonb[])
                as request (transaction_uuid, decline, reference, event_uuid, event_type, payload, of_cancelled, trace)
        ), locked as materialized (
            select transaction_uuid, status
            from payments
            where transaction_uuid = any($1)
            order by transaction_uuid
            for no key update
        ), settled as (
            update payments
            set status = case
                    when requests.decline is not null then 'declined'
                    when cancelled then 'refunding'
                    else 'succeeded'
                end,
                decline_reason = requests.decline,
                provider_reference = coalesce(requests.reference, provider_reference),
                tries = 0,
                next_try_at = now(),
                updated_at = now()
            from locked
            join requests using (transaction_uuid)
            where payments.transaction_uuid = locked.transaction_uuid and locked.status = 'pending'
            returning payments.*
        ), events as (
            insert into outbox (event_uuid, event_type, key, payload, trace)
            select event_uuid, event_type, order_uuid, case when cancelled then of_cancelled else payload end, trace
            from settled
            join requests using (transaction_uuid)
        )
        select " + COLUMNS + " from settled",
        &transactions,
        &declines as _,
        &references as _,
        &events.uuids,
        &events.kinds,
        &events.payloads,
        &of_cancelled as _,
        &traces,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.transaction_uuid, row)).collect())
}
