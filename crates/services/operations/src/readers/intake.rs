//! Reads the users whose orders of other shops intake stores.

use audit::{Facts, facts::Personal};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Reader;

pub const READER: Reader = Reader {
    service: &intake::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: None,
    pending: &[],
    fingerprint: "select concat_ws(' ', max(number), max(erased_at)) from orders",
};

/// An order's customer is any text: only a uuid may be a user of this shop.
async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    let customers: Vec<(String, DateTime<Utc>)> = sqlx::query_as(
        "select customer_id, min(stored_at) from orders
        where erased_at is null and length(customer_id) = 36
        group by customer_id",
    )
    .fetch_all(database)
    .await?;
    let users = customers.into_iter().filter_map(|(customer, since)| Some((Uuid::try_parse(&customer).ok()?, since)));
    let personal = users.map(|(user, since)| Personal { user, what: "an order of another shop", since }).collect();
    Ok(Facts { personal, ..Facts::default() })
}
