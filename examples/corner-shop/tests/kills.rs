//! Kills the shop two hundred times while customers order, and then checks what it promises. PostgreSQL survives.

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    process::Stdio,
    time::Duration,
};

use platform::random::Random;
use reqwest::StatusCode;
use serde_json::{Value, json};
use servers::postgres::{self, Options};
use sqlx::PgPool;
use testkit::eventually;
use tokio::{
    process::{Child, Command},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const KILLS: u32 = 200;
const CUSTOMERS: u32 = 4;
/// A shop that answers nothing for this long is broken.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The teapots and the cents that `shop.sql` begins with.
const STOCK: i64 = 1_000_000;
const MONEY: i64 = 1_000_000_000_000;

/// An order as a customer knows it: its id and the quantity.
type Order = (Uuid, i64);
type EventsByKey = BTreeMap<String, Vec<String>>;

struct Customer {
    number: u32,
    http: reqwest::Client,
    orders: String,
    answered: watch::Sender<u32>,
}

impl Customer {
    /// Orders until `closing_time`. Every request is repeated under its key until it succeeds, and then once more.
    async fn order(self, closing_time: CancellationToken) -> Vec<Order> {
        let mut placed = Vec::new();
        for count in 0_i64.. {
            if closing_time.is_cancelled() {
                break;
            }
            let (key, quantity) = (format!("{}-{count}", self.number), 1 + count % 3);
            let (_, id) = self.send(&key, quantity).await;
            self.answered.send_modify(|answers| *answers += 1);
            assert_eq!(self.send(&key, quantity).await, (StatusCode::OK, id), "the repeat of {key}");
            placed.push((id, quantity));
        }
        placed
    }

    async fn send(&self, key: &str, quantity: i64) -> (StatusCode, Uuid) {
        loop {
            let request = self.http.post(&self.orders).header("Idempotency-Key", key);
            if let Ok(response) = request.json(&json!({ "quantity": quantity })).send().await
                && response.status().is_success()
            {
                let status = response.status();
                if let Ok(order) = response.json::<Value>().await {
                    return (status, id(&order));
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

fn id(order: &Value) -> Uuid {
    order["id"].as_str().and_then(|id| id.parse().ok()).expect("an order has an id")
}

fn start_shop(address: SocketAddr, server: &str) -> Child {
    let mut shop = Command::new(env!("CARGO_BIN_EXE_corner-shop"));
    shop.env("CORNER_SHOP_LISTEN", address.to_string()).env("CORNER_SHOP_POSTGRES", server);
    shop.stdout(Stdio::null()).kill_on_drop(true).spawn().expect("the program was built")
}

async fn open(server: &str, database: &str) -> PgPool {
    let url = postgres::ensure_database(server, database).await.expect("PostgreSQL survives");
    PgPool::connect(&url).await.expect("PostgreSQL survives")
}

async fn number(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.expect(query)
}

/// Waits until all events are published and consumed.
async fn until_idle(shop: &PgPool, broker: &PgPool) {
    eventually(async || {
        let unpublished = number(shop, "select count(*) from outbox where published_at is null").await;
        let length = number(broker, "select coalesce(max(length), 0) from topics").await;
        let position = number(broker, "select coalesce(max(position), 0) from positions").await;
        (unpublished == 0 && position == length)
            .then_some(())
            .ok_or_else(|| format!("{unpublished} unpublished, {position} of {length} consumed"))
    })
    .await;
}

/// Asserts that stock and money are neither lost nor made.
async fn assert_books_balance(shop: &PgPool) {
    let sold = number(shop, "select sum(quantity)::bigint from orders").await;
    let earned = number(shop, "select balance from accounts where owner = 'shop'").await;

    assert_eq!(number(shop, "select stock from items").await + sold, STOCK);
    assert_eq!(number(shop, "select sum(balance)::bigint from accounts").await, MONEY);
    assert_eq!(number(shop, "select sum(total)::bigint from orders").await, earned);
    assert_eq!(number(shop, "select price from items").await * sold, earned);
}

/// Asserts that the topic without doubles has both events of each order once, in the order in which they were written.
async fn assert_each_event_is_published_in_order(broker: &PgPool, orders: &[Order]) {
    let records: Vec<(String, Uuid, String)> = sqlx::query_as(
        "select convert_from(key, 'UTF8'), (headers->>'event-uuid')::uuid, headers->>'event-type'
        from records order by position",
    )
    .fetch_all(broker)
    .await
    .expect("PostgreSQL survives");
    println!("{} orders, {} records of {} events", orders.len(), records.len(), 2 * orders.len());
    assert!(records.len() > 2 * orders.len(), "no event was published twice, so nothing tried the inbox");
    let (mut seen, mut published) = (HashSet::new(), EventsByKey::new());
    for (key, event, kind) in records {
        if seen.insert(event) {
            published.entry(key).or_default().push(kind);
        }
    }
    let both = ["order.placed", "order.paid"].map(str::to_owned).to_vec();
    let expected: EventsByKey = orders.iter().map(|(id, _)| (id.to_string(), both.clone())).collect();

    assert_eq!(published, expected);
}

#[tokio::test]
async fn two_hundred_kills_lose_no_order_and_double_none() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("postgres");
    // This server is not killed, so it need not flush. Each commit of the shop is faster, and more of them are hit.
    let settings = vec![("fsync", "off")];
    let server = postgres::start(&Options { settings, ..Options::new(data.clone()) }).await.unwrap();
    let address = servers::free_address().unwrap();
    let url = format!("http://{address}/orders");
    let http = platform::http::client(Duration::from_secs(2)).unwrap();
    let (closing_time, (answered, mut answers)) = (CancellationToken::new(), watch::channel(0));
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|number| Customer { number, http: http.clone(), orders: url.clone(), answered: answered.clone() })
        .map(|customer| tokio::spawn(customer.order(closing_time.clone())))
        .collect();

    let random = Random::seeded(1);
    for life in 0..KILLS {
        let mut shop = start_shop(address, &server.url);
        answers.mark_unchanged();
        // One life in four may end before it serves. All others do some work first, so that the kill can do harm.
        if life % 4 != 3 {
            timeout(TIMEOUT, answers.changed()).await.expect("the shop places an order").unwrap();
        }
        sleep(Duration::from_millis(random.between(0..=100))).await;
        shop.kill().await.unwrap();
    }
    let mut last = start_shop(address, &server.url);
    closing_time.cancel();
    let mut placed = Vec::new();
    for customer in customers {
        placed.extend(timeout(TIMEOUT, customer).await.expect("the last requests succeed").unwrap());
    }
    let (shop, broker) = (open(&server.url, "corner_shop").await, open(&server.url, "corner_shop_broker").await);
    until_idle(&shop, &broker).await;

    // Each key has one order, no order is without a key, and each is shipped once.
    placed.sort_unstable();
    let stored: Vec<Order> =
        sqlx::query_as("select id, quantity from orders order by id").fetch_all(&shop).await.unwrap();
    assert_eq!(placed, stored);
    let shipped: Vec<Uuid> =
        sqlx::query_scalar("select order_id from shipments order by order_id").fetch_all(&shop).await.unwrap();
    assert_eq!(placed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), shipped);
    assert_books_balance(&shop).await;
    assert_each_event_is_published_in_order(&broker, &placed).await;
    let order: Value = http.get(format!("{url}/{}", shipped[0])).send().await.unwrap().json().await.unwrap();
    assert_eq!((id(&order), &order["is_shipped"]), (shipped[0], &json!(true)));

    last.kill().await.unwrap();
    let home = data.canonicalize().unwrap();
    server.stop().await;
    std::fs::remove_dir_all(home).unwrap();
}
