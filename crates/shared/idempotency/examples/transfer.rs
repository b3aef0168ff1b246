//! Transfers money twice under one key. Prints `80, new`, then `80, a repeat`.
//!
//! DATABASE_URL=postgres://… cargo run -p idempotency --example transfer

use std::error::Error;

use idempotency::{Key, SCHEMA, once};
use sqlx::{PgConnection, postgres::PgPoolOptions};

#[derive(serde::Serialize)]
struct Transfer {
    from: i64,
    to: i64,
    cents: i64,
}

/// Returns the new balance of the account `from`.
async fn transfer(connection: &mut PgConnection, transfer: &Transfer) -> sqlx::Result<i64> {
    let balance: i64 = sqlx::query_scalar("update accounts set cents = cents - $2 where id = $1 returning cents")
        .bind(transfer.from)
        .bind(transfer.cents)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query("update accounts set cents = cents + $2 where id = $1")
        .bind(transfer.to)
        .bind(transfer.cents)
        .execute(connection)
        .await?;
    Ok(balance)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The tables are temporary: they belong to the pool's only connection.
    let pool = PgPoolOptions::new().max_connections(1).connect(&std::env::var("DATABASE_URL")?).await?;
    sqlx::raw_sql("set search_path = pg_temp").execute(&pool).await?;
    sqlx::raw_sql(SCHEMA).execute(&pool).await?;
    let accounts = "create table accounts (id bigint primary key, cents bigint not null);
        insert into accounts values (1, 100), (2, 0)";
    sqlx::raw_sql(accounts).execute(&pool).await?;

    let request = Transfer { from: 1, to: 2, cents: 20 };
    let key = Key { scope: "ann", key: "a key that the client chose" };
    for _ in 0..2 {
        let work = async |connection: &mut PgConnection| transfer(connection, &request).await;
        let response = once(&pool, &key, &request, work).await?;
        println!("{}, {}", response.value, if response.is_repeat { "a repeat" } else { "new" });
    }
    Ok(())
}
