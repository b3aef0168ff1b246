//! The corner shop sells one thing to one customer, and neither loses an order nor charges it twice, whenever its
//! process dies. It is the idea of Shipyard in one service, before its fast form: plain transactions in plain SQL.
//! `cargo run -p corner-shop` starts it with a PostgreSQL of its own; `cargo test -p corner-shop` kills it two hundred
//! times while customers order, and then counts.
//!
//! Read the files in this order:
//!
//! | file | what it guarantees | by means of |
//! |---|---|---|
//! | `shop.rs` | a request with one `Idempotency-Key` places one order, however often it is repeated | [`idempotency`] |
//! | | stock, charge, order and events change together or not at all | the transaction |
//! | `main.rs` | each event reaches its topic at least once; the first copies of one order's events are in their order | [`outbox`] |
//! | `broker.rs` | a record that was acknowledged stays, and records are read in the order of their positions | PostgreSQL, in Kafka's role |
//! | `shipping.rs` | an order is shipped once, although its event may arrive more than once | [`outbox::inbox`] |
//!
//! [`group_commit`] guarantees nothing here: `GET /orders/{id}` uses it to read the orders of several requests with one
//! statement. In Shipyard the writes do the same, which is why that shop is fast, and harder to read.
//!
//! The process may die at any moment. The numbers are those in the code, in the order in which an order meets them:
//!
//! | dies at | what is left | what happens next |
//! |---|---|---|
//! | (1) (2) (3) in the transaction | nothing: PostgreSQL rolls it back when the connection breaks | the customer repeats the request, and it is executed |
//! | (4) after the commit | the order, and the response that the customer did not get | the customer repeats the request, and gets the stored response |
//! | (5) before an event is published | the event in the outbox | the relay of the next process publishes it |
//! | (6) before it is marked as published | the event in outbox and topic | the next relay publishes it again, with the same event id |
//! | (7) in the shipment's transaction | nothing, as at (1) | the broker delivers the record again, and it is shipped |
//! | (8) before the position is committed | the shipment, and a row in the inbox | the broker delivers the record again, and the inbox knows it |
//!
//! At (4), (6) and (8) one side has done something of which the other does not know. No protocol avoids this moment;
//! it is harmless because the other side asks again and asking again changes nothing. That is the whole idea.
//!
//! The shop leaves out users, dead letters, metrics and the removal of old rows, for which the crates have `sweep`.

mod broker;
mod database;
mod shipping;
mod shop;

use std::{collections::HashMap, env, sync::Arc};

use anyhow::Context as _;
use outbox::{PgOutbox, Relay, Tables, Waker};
use servers::postgres::{self, Options};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The holder of the relay's lease. Of several relays, which need different names, only the holder publishes, so order
/// holds. The process after a crash has the same name, so that it need not wait until the lease expires.
const HOLDER: &str = "corner-shop";
const SCHEMA: [&str; 5] = [
    include_str!("../../../crates/shared/outbox/migrations/outbox.sql"),
    include_str!("../../../crates/shared/outbox/migrations/leases.sql"),
    include_str!("../../../crates/shared/outbox/migrations/inbox.sql"),
    idempotency::SCHEMA,
    include_str!("shop.sql"),
];

/// Runs the shop. `CORNER_SHOP_LISTEN` is its address, `CORNER_SHOP_POSTGRES` the URL of a PostgreSQL in which it may
/// create databases; without it, the shop starts one with its data in `.shipyard/corner-shop`.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let address = env::var("CORNER_SHOP_LISTEN").unwrap_or_else(|_| "127.0.0.1:8099".to_owned());
    let listener = TcpListener::bind(&address).await.with_context(|| format!("listening on {address}"))?;
    if let Ok(url) = env::var("CORNER_SHOP_POSTGRES") {
        return run(listener, &url).await;
    }
    let server = postgres::start(&Options::new(".shipyard/corner-shop".into())).await?;
    let outcome = run(listener, &server.url).await;
    server.stop().await;
    outcome
}

/// Serves, publishes and ships until Ctrl-C or an error. Nothing is finished first: each end is like a crash, after
/// which the next process goes on, as the test proves.
async fn run(listener: TcpListener, server: &str) -> anyhow::Result<()> {
    let pool = database::open(server, "corner_shop", &SCHEMA).await?;
    let broker = Arc::new(broker::Broker::open(server).await?);
    let waker = Waker::default();

    // (5) `relay.run` reads the oldest events of the outbox, whichever process wrote them, and publishes them.
    // (6) Once the broker has acknowledged them, it marks them as published. After an error it publishes them again.
    let outbox = Arc::new(PgOutbox::new(pool.clone(), &Tables::default(), HOLDER));
    let topics = HashMap::from(["order.placed", "order.paid"].map(|kind| (kind, shipping::TOPIC.to_owned())));
    let relay = Relay::new("corner-shop", outbox, broker.clone(), topics, &waker).with_content_type("application/json");

    let url = format!("http://{}/orders", listener.local_addr()?);
    println!("The corner shop is open. Buy two teapots, and repeat the request with the same key:\n");
    println!("curl {url} -H 'Idempotency-Key: 1' --json '{{\"quantity\": 2}}'");
    let router = shop::router(pool.clone(), waker);
    tokio::select! {
        outcome = axum::serve(listener, router).into_future() => outcome?,
        outcome = relay.run(CancellationToken::new()) => outcome?,
        () = shipping::run(&pool, &broker) => {}
        outcome = tokio::signal::ctrl_c() => outcome?,
    }
    Ok(())
}
