//! A row of the table `orders`, and its conversion into an order.

use chrono::{DateTime, NaiveDate, Utc};
use contracts::ids::{DeliveryId, OrderId, PartId, TransactionId, UserId};
use contracts::money::Money;
use platform::postgres::DatabaseError;

use crate::{
    error::Error,
    model::{Attempt, Delivery, DeliveryAddress, DeliveryStatus, Order, PaymentMethod, Status},
};

#[derive(Clone)]
pub struct Row {
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
    pub payment_method: Option<String>,
    pub transaction_uuid: Option<TransactionId>,
    pub created_at: DateTime<Utc>,
}

/// Takes a [`Row`] from a record of `sqlx::query!` that has further columns, which stay in the record.
macro_rules! row {
    ($record:ident) => {
        $crate::repository::postgres::row::Row {
            uuid: $record.uuid,
            user_uuid: $record.user_uuid,
            delivery_address: $record.delivery_address,
            delivery_uuid: $record.delivery_uuid,
            delivery_status: $record.delivery_status,
            tracking_number: $record.tracking_number,
            estimated_delivery: $record.estimated_delivery,
            part_uuids: $record.part_uuids,
            total_price: $record.total_price,
            status: $record.status,
            attempt: $record.attempt,
            attempt_method: $record.attempt_method,
            payment_method: $record.payment_method,
            transaction_uuid: $record.transaction_uuid,
            created_at: $record.created_at,
        }
    };
}
pub(super) use row;

impl TryFrom<Row> for Order {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
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

fn delivery(row: &Row) -> Result<Option<Delivery>, Error> {
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
