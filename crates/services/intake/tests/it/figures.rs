//! Prints figures that no test asserts: `cargo test -p intake --test it figures -- --ignored --nocapture`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use intake::{
    client::MemoryTopic,
    consumers::Orders as Consumer,
    model::Order,
    repository::{MIGRATIONS, PgOrders, store},
    sample,
    service::{Cache, IntakeService},
};
use platform::{
    kafka::{Handler as _, Message},
    postgres::Database,
};
use sqlx::postgres::PgPoolCopyExt as _;

use crate::fixture::Fixture;

const COUNT: u64 = 60_000;
const BATCH_SIZE: usize = 200;

fn orders(count: u64) -> Vec<Order> {
    (0..count).map(|number| sample::order(7, number)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a figure")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// The rows of each table in the format of `copy`.
fn copied(orders: &[Order]) -> [(&'static str, String); 4] {
    let line = |fields: &[&str]| {
        let escaped = fields.iter().map(|field| field.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n"));
        escaped.collect::<Vec<_>>().join("\t") + "\n"
    };
    let mut tables = [String::new(), String::new(), String::new(), String::new()];
    for order in orders {
        let uid = order.order_uid.as_str();
        let (delivery, payment) = (&order.delivery, &order.payment);
        let created = order.date_created.unwrap().to_rfc3339();
        tables[0] += &line(&[
            uid,
            &order.track_number,
            &order.entry,
            &order.locale,
            &order.internal_signature,
            &order.customer_id,
            &order.delivery_service,
            &order.shardkey,
            &order.sm_id.to_string(),
            &created,
            &order.oof_shard,
        ]);
        tables[1] += &line(&[
            uid,
            &delivery.name,
            &delivery.phone,
            &delivery.zip,
            &delivery.city,
            &delivery.address,
            &delivery.region,
            &delivery.email,
        ]);
        let numbers =
            [payment.amount, payment.payment_dt, payment.delivery_cost, payment.goods_total, payment.custom_fee];
        let [amount, dt, cost, goods, fee] = numbers.map(|number| number.to_string());
        tables[2] += &line(&[
            uid,
            &payment.transaction,
            &payment.request_id,
            &payment.currency,
            &payment.provider,
            &amount,
            &dt,
            &payment.bank,
            &cost,
            &goods,
            &fee,
        ]);
        for (position, item) in (1..).zip(&order.items) {
            let position: i32 = position;
            tables[3] += &line(&[
                uid,
                &position.to_string(),
                &item.chrt_id.to_string(),
                &item.track_number,
                &item.price.to_string(),
                &item.rid,
                &item.name,
                &item.sale.to_string(),
                &item.size,
                &item.total_price.to_string(),
                &item.nm_id.to_string(),
                &item.brand,
                &item.status.to_string(),
            ]);
        }
    }
    let [orders, deliveries, payments, items] = tables;
    [
        (
            "orders (order_uid, track_number, entry, locale, internal_signature, customer_id, delivery_service, shardkey,
                sm_id, date_created, oof_shard)",
            orders,
        ),
        ("deliveries", deliveries),
        ("payments", payments),
        ("items", items),
    ]
}

/// Writes the same rows with one `copy` per table, each in its own transaction. Returns the time that PostgreSQL needs.
async fn copy(orders: &[Order]) -> Duration {
    let database = testkit::database(&MIGRATIONS).await;
    let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
    let tables = copied(orders);
    let begun = Instant::now();
    for (table, rows) in tables {
        let mut copy = pool.copy_in_raw(&format!("copy {table} from stdin")).await.unwrap();
        copy.send(rows.into_bytes()).await.unwrap();
        copy.finish().await.unwrap();
    }
    begun.elapsed()
}

async fn service() -> (Database, IntakeService) {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let cache = Cache::new(10_000, 32 << 20, Duration::from_hours(1));
    let service = IntakeService::new(Arc::new(PgOrders::new(pool.clone())), Arc::new(MemoryTopic::default()), cache);
    (pool, service)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn orders_per_second_against_a_copy_of_the_same_rows() {
    let all = orders(COUNT);
    let alone = copy(&all).await;
    println!("copy: {COUNT} orders in {alone:?}, {:.0} per second", rate(COUNT, alone));

    let (_pool, service) = service().await;
    let shared: Vec<Arc<Order>> = all.iter().cloned().map(Arc::new).collect();
    let begun = Instant::now();
    for batch in shared.chunks(BATCH_SIZE) {
        service.take(batch).await.unwrap();
    }
    let took = begun.elapsed();
    println!(
        "statements of {BATCH_SIZE}: {took:?}, {:.0} per second, ratio {:.2}",
        rate(COUNT, took),
        rate(COUNT, took) / rate(COUNT, alone)
    );

    // Like the consumer, handles six partitions at once, each in batches, from the bytes of records.
    let (_pool, service) = self::service().await;
    let consumer = Arc::new(Consumer::new(service));
    let messages: Vec<Message> =
        all.iter().map(|order| Message { payload: serde_json::to_vec(order).unwrap(), ..Message::default() }).collect();
    let messages = Arc::new(messages);
    let begun = Instant::now();
    let partition = messages.len().div_ceil(6);
    let workers = (0..6).map(|number| {
        let (consumer, messages) = (consumer.clone(), messages.clone());
        tokio::spawn(async move {
            let own = &messages[number * partition..messages.len().min((number + 1) * partition)];
            for batch in own.chunks(BATCH_SIZE) {
                let handled = consumer.handle_all(batch).await;
                if let Some(place) = handled.iter().position(|handled| !handled) {
                    panic!("{:?}", consumer.handle(&batch[place]).await);
                }
            }
        })
    });
    futures::future::join_all(workers).await;
    let took = begun.elapsed();
    println!(
        "six partitions: {took:?}, {:.0} per second, ratio {:.2}",
        rate(COUNT, took),
        rate(COUNT, took) / rate(COUNT, alone)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn orders_per_second_from_the_topic() {
    let fixture = Fixture::open().await;
    let all = orders(20_000);
    let alone = copy(&all).await;
    let begun = Instant::now();
    for batch in all.chunks(2_000) {
        fixture.publish_orders(batch).await;
    }
    let published = begun.elapsed();
    fixture.stored(20_000).await;
    let took = begun.elapsed();
    println!(
        "20000 orders published within {published:?} and stored after {took:?}, {:.0} per second; copy {alone:?}, ratio {:.2}",
        rate(20_000, took),
        alone.as_secs_f64() / took.as_secs_f64(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures"]
async fn latency_of_hits_and_misses_and_time_to_preload() {
    let (pool, service) = service().await;
    let all: Vec<Arc<Order>> = orders(100_000).into_iter().map(Arc::new).collect();
    let repository = PgOrders::new(pool.clone());
    for batch in all.chunks(1_000) {
        store(&repository, batch).await.unwrap();
    }
    sqlx::query("analyze").execute(&pool).await.unwrap();
    let begun = Instant::now();
    let (count, outcome) = service.preload(tokio::time::Instant::now() + Duration::from_mins(1)).await;
    outcome.unwrap();
    println!("preload of {count} orders of 100000: {:?}", begun.elapsed());

    let measured = async |orders: &[Arc<Order>], what: &str| {
        let mut times = Vec::new();
        for order in orders {
            let begun = Instant::now();
            service.show(order.order_uid.as_str()).await.unwrap();
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        println!("{what}: p50 {:?}, p99 {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
    };
    measured(&all[95_000..], "hit").await;
    measured(&all[..5_000], "miss").await;
}
