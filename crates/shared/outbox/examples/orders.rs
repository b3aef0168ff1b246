//! Places orders and prints the record of each.
//!
//! DATABASE_URL=postgres://… cargo run -p outbox --example orders

use std::{str::FromStr as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use outbox::{Event, Outbox as _, PgOutbox, Publisher, Record, Relay, Tables, Waker, listen, topics_of_same_name};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    query_scalar, raw_sql,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

struct Printer;

#[async_trait]
impl Publisher for Printer {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        for Record { topic, key, payload, .. } in &records {
            let [key, payload] = [key, payload].map(|bytes| String::from_utf8_lossy(bytes));
            println!("{topic}: {key} {payload}");
        }
        Ok(())
    }
}

/// The order and its event are committed together, or neither is.
async fn place_order(pool: &PgPool, item: &str, waker: &Waker) -> sqlx::Result<()> {
    let mut transaction = pool.begin().await?;
    let insert = query_scalar("insert into orders (item) values ($1) returning uuid").bind(item);
    let order: Uuid = insert.fetch_one(&mut *transaction).await?;
    outbox::write(&mut transaction, &Tables::default(), &Event::new("order-placed", order, item)).await?;
    transaction.commit().await?;
    waker.wake();
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A schema of its own. A service copies the files into its migrations instead.
    let options = PgConnectOptions::from_str(&std::env::var("DATABASE_URL")?)?;
    let pool = PgPoolOptions::new().connect_with(options.options([("search_path", "outbox_example")])).await?;
    raw_sql("drop schema if exists outbox_example cascade; create schema outbox_example").execute(&pool).await?;
    raw_sql(include_str!("../migrations/outbox.sql")).execute(&pool).await?;
    raw_sql(include_str!("../migrations/leases.sql")).execute(&pool).await?;
    let orders = "create table orders (uuid uuid primary key default gen_random_uuid(), item text not null)";
    raw_sql(orders).execute(&pool).await?;

    let (tables, waker, stop) = (Tables::default(), Waker::default(), CancellationToken::new());
    let notifications = listen((*pool.connect_options()).clone(), &tables.outbox);
    let rows = Arc::new(
        PgOutbox::new(pool.clone(), &tables, format!("process {}", std::process::id())).woken_by(notifications),
    );
    let topics = topics_of_same_name(["order-placed"]);
    let relay = Relay::new("orders", rows.clone(), Arc::new(Printer), topics, &waker);
    let relay = tokio::spawn(relay.with_content_type("text/plain").run(stop.clone()));

    for item in ["a teapot", "two cups", "a tray"] {
        place_order(&pool, item, &waker).await?;
    }
    while rows.backlog().await?.waiting > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    relay.await?
}
