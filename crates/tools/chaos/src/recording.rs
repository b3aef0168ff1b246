//! Records the transitions of orders, payments and outbox rows by triggers in the cluster's own databases, and checks
//! them against the model of the simulation. The services do not know of the triggers.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use contracts::ids::TransactionId;
use operations::databases::Databases;
use order::model::{Attempt, PaymentMethod};
use payment::model::{Decline, RefundRequest, Status};
use platform::server::service::Service;
use serde::Deserialize;
use simulation::{OutboxRow, Rows, check};
use sqlx::{PgConnection, types::Json};

/// A trigger's arguments are the column with the key, and the columns whose changes are recorded. The function runs as
/// its owner, since a service's role has no rights to the table.
const RECORDER: &str = r"
create table recorded_transitions (
    id bigint generated always as identity primary key,
    key text not null,
    state jsonb not null,
    at timestamptz not null default clock_timestamp()
);
create function record_transition() returns trigger language plpgsql security definer set search_path = public as $$
declare
    kept text[] := string_to_array(tg_argv[1], ' ');
    was jsonb := (select jsonb_object_agg(field.key, field.value)
        from jsonb_each(to_jsonb(old)) as field where field.key = any(kept));
    becomes jsonb := (select jsonb_object_agg(field.key, field.value)
        from jsonb_each(to_jsonb(new)) as field where field.key = any(kept));
begin
    if was is distinct from becomes then
        insert into recorded_transitions (key, state)
        values (to_jsonb(new) ->> tg_argv[0], becomes);
    end if;
    return null;
end
$$;";
const ORDERS: &str = "create trigger recorded after insert or update on orders for each row execute function
    record_transition('uuid',
        'status attempt attempt_method attempt_epoch attempt_shared payment_method transaction_uuid')";
const PAYMENTS: &str = "create trigger recorded after insert or update on payments for each row execute function
    record_transition('order_uuid',
        'transaction_uuid attempt status decline_reason cancelled refund_number refund_reference')";
const OUTBOX: &str = "create trigger recorded after insert or update on outbox for each row execute function
    record_transition('id', 'published_at set_aside_at')";

/// Adds the triggers to a service's database, to which `owner` is connected.
pub async fn install(owner: &mut PgConnection, service: &'static Service) -> sqlx::Result<()> {
    sqlx::raw_sql(RECORDER).execute(&mut *owner).await?;
    let orders = (service == &order::SERVICE).then_some(ORDERS);
    let payments = (service == &payment::SERVICE).then_some(PAYMENTS);
    let outbox = service.has_table("outbox").then_some(OUTBOX);
    for trigger in [orders, payments, outbox].into_iter().flatten() {
        sqlx::raw_sql(trigger).execute(&mut *owner).await?;
    }
    Ok(())
}

const SINCE: &str = "select id, at, key, state from recorded_transitions where id > $1 order by id";
type Transition = (i64, DateTime<Utc>, String, Json<State>);

/// The recorded columns of a row.
#[derive(Deserialize)]
#[serde(untagged)]
enum State {
    Order(OrderColumns),
    Payment(PaymentColumns),
    Outbox(OutboxColumns),
}

#[derive(Deserialize)]
struct OrderColumns {
    status: order::model::Status,
    attempt: i32,
    attempt_method: Option<PaymentMethod>,
    attempt_epoch: i64,
    attempt_shared: bool,
    payment_method: Option<PaymentMethod>,
    transaction_uuid: Option<TransactionId>,
}

#[derive(Deserialize)]
struct PaymentColumns {
    transaction_uuid: TransactionId,
    /// `None` for a void row.
    attempt: Option<u32>,
    status: String,
    decline_reason: Option<String>,
    cancelled: bool,
    refund_number: u32,
    refund_reference: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutboxColumns {
    published_at: Option<String>,
    set_aside_at: Option<String>,
}

/// The latest recorded states.
#[derive(Default)]
pub struct Recordings {
    orders: BTreeMap<String, Rows>,
    outboxes: BTreeMap<(&'static str, String), OutboxRow>,
    /// The id of the last transition that was read, by service.
    read: BTreeMap<&'static str, i64>,
}

impl Recordings {
    /// Reads the transitions since the last call, and returns one sentence for each recording with an impossible step.
    /// No transaction may be in progress.
    pub async fn check(&mut self, databases: &Databases) -> anyhow::Result<Vec<String>> {
        let mut unread: Vec<(&'static Service, Vec<Transition>)> = Vec::new();
        for service in databases.with_outbox() {
            let after = self.read.get(service.name).copied().unwrap_or_default();
            let transitions = sqlx::query_as(SINCE).bind(after).fetch_all(databases.get(service)?).await?;
            unread.push((service, transitions));
        }
        let (mut problems, mut of_orders) = (Vec::new(), Vec::new());
        for (service, transitions) in unread {
            self.read.extend(transitions.last().map(|(id, ..)| (service.name, *id)));
            for (_, at, key, Json(state)) in transitions {
                if let State::Outbox(row) = state {
                    let known = self.outboxes.entry((service.name, key)).or_default();
                    let after = OutboxRow::new(row.published_at.is_some(), row.set_aside_at.is_some());
                    let before = std::mem::replace(known, after);
                    let found = check(&[before, *known]).err();
                    problems.extend(found.map(|found| format!("recording of a row of {service}'s outbox: {found}")));
                } else {
                    of_orders.push((at, key, state));
                }
            }
        }
        // The databases are of one server. A process writes only after it has read what its decision depends on, so
        // that its write is later by the server's clock.
        of_orders.sort_by_key(|(at, ..)| *at);
        let mut recordings: BTreeMap<String, Vec<Rows>> = BTreeMap::new();
        for (_, key, state) in of_orders {
            let known = self.orders.entry(key.clone()).or_default();
            let before = known.clone();
            match state {
                State::Order(columns) => columns.write_to(known),
                State::Payment(columns) => columns.write_to(known)?,
                State::Outbox(_) => {}
            }
            recordings.entry(key).or_insert_with(|| vec![before]).push(known.clone());
        }
        let impossible = |(key, states): (String, Vec<Rows>)| {
            check(&states).err().map(|found| format!("recording of order {key}: {found}"))
        };
        problems.extend(recordings.into_iter().filter_map(impossible));
        Ok(problems)
    }
}

impl OrderColumns {
    fn write_to(self, rows: &mut Rows) {
        let attempt = |method| Attempt { number: self.attempt, method };
        rows.order.status = self.status;
        (rows.order.attempts, rows.order.attempt) = (self.attempt, self.attempt_method.map(attempt));
        rows.order.payment = self.payment_method.zip(self.transaction_uuid);
        (rows.epoch, rows.shared) = (self.attempt_epoch, self.attempt_shared);
    }
}

impl PaymentColumns {
    fn write_to(self, rows: &mut Rows) -> anyhow::Result<()> {
        let Some(attempt) = self.attempt else {
            rows.void = true;
            return Ok(());
        };
        let (reference, number) = (String::new(), self.refund_number);
        let status = match self.status.as_str() {
            "pending" => Status::NEW,
            "succeeded" => Status::Succeeded { reference },
            "declined" => {
                let reason = self.decline_reason.as_deref().and_then(Decline::parse);
                Status::Declined(reason.context("an unknown reason of a decline")?)
            }
            "refunding" => {
                let request = RefundRequest { number, reference: self.refund_reference };
                Status::Refunding { reference, request }
            }
            "refunded" => Status::Refunded { reference, number },
            other => anyhow::bail!("an unknown status of a payment: {other}"),
        };
        rows.put(attempt, self.transaction_uuid, status, self.cancelled);
        Ok(())
    }
}
