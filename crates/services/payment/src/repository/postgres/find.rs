//! Reads payments: one, or those of a user.

use contracts::ids::{OrderId, TransactionId, UserId};
use platform::{
    cursor::{self, Cursor},
    postgres::{Database, consistent, retry_stale},
};

use super::row::{Row, query_payments};
use crate::{error::Error, model::Payment, repository::PaymentPage};

pub(super) async fn find(pool: &Database, order: OrderId) -> Result<Option<Payment>, Error> {
    let row = retry_stale(|| {
        query_payments!(
            "select "
                + COLUMNS
                + " from payments
            where order_uuid = $1 and status <> 'void'
            order by status <> 'declined' desc, attempt desc
            limit 1",
            order.uuid(),
        )
        .fetch_optional(pool)
    });
    Ok(row.await?.map(Row::payment).transpose()?.flatten())
}

pub(super) async fn get(pool: &Database, transaction: TransactionId) -> Result<Option<Payment>, Error> {
    let row = retry_stale(|| {
        query_payments!("select " + COLUMNS + " from payments where transaction_uuid = $1", transaction.uuid())
            .fetch_optional(pool)
    });
    Ok(row.await?.map(Row::payment).transpose()?.flatten())
}

pub(super) async fn page(
    pool: &Database,
    user: UserId,
    after: Option<Cursor>,
    size: u32,
) -> Result<PaymentPage, Error> {
    let rows = retry_stale(|| {
        query_payments!(
            "select "
                + COLUMNS
                + " from payments
            where user_uuid = $1
                and (created_at, transaction_uuid)
                    < (coalesce($2, 'infinity'::timestamptz), coalesce($3, transaction_uuid))
            order by created_at desc, transaction_uuid desc
            limit $4",
            user.uuid(),
            after.map(|cursor| cursor.created_at),
            after.map(|cursor| cursor.uuid),
            i64::from(size) + 1,
        )
        .fetch_all(pool)
    });
    let mut rows = rows.await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let next =
        cursor::cut(&mut rows, size, |last| Cursor { created_at: last.created_at, uuid: last.transaction_uuid.uuid() });
    Ok((rows.into_iter().filter_map(|row| consistent(row.payment())?).collect(), next))
}
