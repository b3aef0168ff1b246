//! Rows of the table `orders`, and their conversions.

use chrono::{DateTime, NaiveDate, Utc};
use contracts::ids::{DeliveryId, OrderId, PartId, TransactionId, UserId};
use contracts::money::Money;
use platform::postgres::DatabaseError;
use serde::Serialize;

use crate::{
    error::Error,
    model::{Attempt, AttemptLease, Delivery, DeliveryAddress, DeliveryStatus, NewOrder, Order, PaymentMethod, Status},
    repository::OrderTerms,
};

#[derive(Clone)]
pub struct OrderRow {
    pub uuid: OrderId,
    pub user_uuid: UserId,
    pub delivery_address: Option<String>,
    pub delivery_uuid: Option<DeliveryId>,
    pub delivery_status: Option<String>,
    pub tracking_number: Option<String>,
    pub estimated_delivery: Option<NaiveDate>,
    pub part_uuids: Vec<PartId>,
    pub total_price: i64,
    pub status: String,
    pub attempt: i32,
    pub attempt_method: Option<String>,
    pub attempt_epoch: i64,
    pub attempt_shared: bool,
    pub attempt_tries: i32,
    pub payment_method: Option<String>,
    pub transaction_uuid: Option<TransactionId>,
    pub created_at: DateTime<Utc>,
}

/// Expands to `sqlx::query_as!` of a statement that returns [`OrderRow`]s. `COLUMNS` stands for their columns, and
/// `HELD` for a common table expression with the requests that still have their idempotency keys. `NEW_COLUMNS` and
/// `NEW_VALUES` stand for the columns of [`NewOrderRow`]. None is a constant, because sqlx's macros accept literals
/// alone.
macro_rules! query_orders {
    (
        $before:tt $(+ HELD + $between:tt)? $(+ NEW_COLUMNS + $own:tt + NEW_VALUES + $rest:tt)?
            + COLUMNS $(+ $after:tt)?,
        $($arguments:tt)+
    ) => {
        sqlx::query_as!(
            $crate::repository::postgres::row::OrderRow,
            $before
                $(+ "held as materialized (
                    select requests.uuid, idempotency_keys.user_uuid, idempotency_keys.key
                    from (select * from requests where key is not null order by user_uuid, key) as requests
                    cross join lateral (
                        select user_uuid, key from idempotency_keys
                        where idempotency_keys.user_uuid = requests.user_uuid
                            and idempotency_keys.key = requests.key
                            and idempotency_keys.token = requests.token
                            and idempotency_keys.outcome is null
                        for update
                        offset 0
                    ) as idempotency_keys
                )" + $between)?
                $(+ "uuid, user_uuid, delivery_address, part_uuids, total_price, unit_prices, status" + $own
                    + "(new_order).uuid, (new_order).user_uuid, (new_order).delivery_address, (new_order).part_uuids,
                (new_order).total_price, (new_order).unit_prices, (new_order).status" + $rest)?
                + r#"uuid as "uuid: _", user_uuid as "user_uuid: _", delivery_address,
                    delivery_uuid as "delivery_uuid: _", delivery_status, tracking_number, estimated_delivery,
                    part_uuids as "part_uuids: _", total_price, status, attempt, attempt_method, attempt_epoch,
                    attempt_shared, attempt_tries, payment_method, transaction_uuid as "transaction_uuid: _",
                    created_at"#
                $(+ $after)?,
            $($arguments)+
        )
    };
}
pub(super) use query_orders;

/// The columns that a new order brings, as JSON for `jsonb_to_record`. The statement sets those that depend on the
/// database's clock, and the others have their defaults.
#[derive(Clone, Serialize)]
pub struct NewOrderRow {
    pub uuid: OrderId,
    user_uuid: UserId,
    delivery_address: Option<String>,
    part_uuids: Vec<PartId>,
    total_price: Money,
    unit_prices: Vec<Money>,
    status: Status,
}

impl NewOrderRow {
    pub fn new(order: &NewOrder, terms: &OrderTerms) -> Self {
        Self {
            uuid: order.uuid,
            user_uuid: order.user,
            delivery_address: order.delivery_address.clone().map(DeliveryAddress::into_string),
            part_uuids: order.parts.clone(),
            total_price: terms.total_price,
            unit_prices: terms.unit_prices.clone(),
            status: Status::PendingPayment,
        }
    }
}

impl OrderRow {
    /// Returns the order, and a lease on its attempt in progress.
    pub fn attempting(self) -> Result<(Order, AttemptLease), Error> {
        let (epoch, shared, tries) = (self.attempt_epoch, self.attempt_shared, self.attempt_tries);
        let order = Order::try_from(self)?;
        let attempt = order.attempt.ok_or_else(|| inconsistent(order.uuid, "attempt_method"))?;
        Ok((order, AttemptLease { attempt, epoch, shared, tries: u32::try_from(tries).unwrap_or(0) }))
    }
}

impl TryFrom<OrderRow> for Order {
    type Error = Error;

    fn try_from(row: OrderRow) -> Result<Self, Error> {
        let method = |column, text: String| PaymentMethod::parse(&text).ok_or_else(|| inconsistent(row.uuid, column));
        Ok(Self {
            uuid: row.uuid,
            user: row.user_uuid,
            delivery: delivery(&row)?,
            delivery_address: row.delivery_address.map(DeliveryAddress::stored),
            parts: row.part_uuids,
            total_price: Money::from_minor(row.total_price).map_err(|_| inconsistent(row.uuid, "total_price"))?,
            status: Status::parse(&row.status).ok_or_else(|| inconsistent(row.uuid, "status"))?,
            attempts: row.attempt,
            attempt: row
                .attempt_method
                .map(|text| method("attempt_method", text).map(|method| Attempt { number: row.attempt, method }))
                .transpose()?,
            payment: row
                .payment_method
                .zip(row.transaction_uuid)
                .map(|(text, transaction)| method("payment_method", text).map(|method| (method, transaction)))
                .transpose()?,
            created_at: row.created_at,
        })
    }
}

fn delivery(row: &OrderRow) -> Result<Option<Delivery>, Error> {
    let (Some(uuid), Some(status), Some(number)) = (row.delivery_uuid, &row.delivery_status, &row.tracking_number)
    else {
        return Ok(None);
    };
    Ok(Some(Delivery {
        uuid,
        status: DeliveryStatus::parse(status).ok_or_else(|| inconsistent(row.uuid, "delivery_status"))?,
        tracking_number: number.clone(),
        estimated_delivery: row.estimated_delivery,
    }))
}

pub fn inconsistent(order: OrderId, column: &'static str) -> Error {
    DatabaseError::inconsistent("orders", column, order).into()
}
