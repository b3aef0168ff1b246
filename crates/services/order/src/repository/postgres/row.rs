//! A row of table `orders`, and its conversion into an order.

use chrono::{DateTime, Utc};
use contracts::ids::{OrderId, PartId, TransactionId, UserId};
use contracts::money::Money;
use platform::postgres::DatabaseError;

use crate::{
    error::Error,
    model::{Attempt, Order, PaymentMethod, Status},
};

pub struct Row {
    pub uuid: OrderId,
    pub user_uuid: UserId,
    pub part_uuids: Vec<PartId>,
    pub total_price: i64,
    pub status: String,
    pub attempt: i32,
    pub attempt_method: Option<String>,
    pub payment_method: Option<String>,
    pub transaction_uuid: Option<TransactionId>,
    pub created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Order {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let method = |column, text: String| PaymentMethod::parse(&text).ok_or_else(|| inconsistent(row.uuid, column));
        Ok(Self {
            uuid: row.uuid,
            user: row.user_uuid,
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

pub fn inconsistent(order: OrderId, column: &'static str) -> Error {
    DatabaseError::inconsistent("orders", column, order).into()
}
