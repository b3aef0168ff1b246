//! The tables of the measured shop: ten thousand parts that never run out of stock, no rows of earlier ratios, and the
//! space that orders take.

use std::sync::Arc;

use operations::registry::with_database;
use platform::{postgres::Database, server::service::Service};
use rand::{RngExt as _, rngs::SmallRng};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::Servers;

const COUNT: i32 = 10_000;
/// The number of parts of a small shop.
const SMALL_SHOP_PARTS: usize = 12;
const STOCK: i64 = 1_000_000_000;
/// The tables that have rows before the first order, besides the histories of migrations.
const KEPT: [&str; 3] = ["leases", "parts", "couriers"];

pub struct Parts {
    all: Arc<[Uuid]>,
    few: Arc<[Uuid]>,
}

/// How an order's parts are chosen.
#[derive(Clone)]
pub enum Choice {
    /// Any two different parts of this list.
    Any(Arc<[Uuid]>),
    /// This part, and any other of the list.
    Hot(Uuid, Arc<[Uuid]>),
    /// This many consecutive parts of this list.
    Some(usize, Arc<[Uuid]>),
}

impl Parts {
    pub fn few(&self) -> Choice {
        Choice::Any(self.few.clone())
    }

    pub fn all(&self) -> Choice {
        Choice::Any(self.all.clone())
    }

    /// Returns the choice of `count` parts per order.
    pub fn some(&self, count: usize) -> Choice {
        Choice::Some(count, self.all.clone())
    }

    /// Returns the choice in which every order contains the same part.
    pub fn hot(&self) -> Choice {
        Choice::Hot(self.few[0], self.all.clone())
    }
}

impl Choice {
    /// Draws the parts of one order, all different.
    pub fn draw(&self, random: &mut SmallRng) -> Vec<Uuid> {
        match self {
            Self::Some(count, parts) => {
                let from = random.random_range(0..=parts.len() - count);
                parts[from..from + count].to_vec()
            }
            Self::Any(parts) => {
                let first = random.random_range(0..parts.len());
                let second = (first + random.random_range(1..parts.len())) % parts.len();
                vec![parts[first], parts[second]]
            }
            Self::Hot(hot, parts) => {
                let at = random.random_range(0..parts.len());
                let other = if parts[at] == *hot { parts[(at + 1) % parts.len()] } else { parts[at] };
                vec![*hot, other]
            }
        }
    }
}

/// Fills the catalogue with a large stock of every part. The database must contain no orders.
pub async fn stock(inventory: Database) -> anyhow::Result<Parts> {
    let filled = "insert into parts (part_uuid, name, description, price, category, length, width, height, weight,
            manufacturer_name, manufacturer_country, manufacturer_website, tags, metadata, initial, available)
        select gen_random_uuid(), 'Bench part ' || number, 'a part', 10000, 'engine', 1, 1, 1, 1,
            'Bench', 'Nowhere', 'https://bench.example', '{bench}', '{}', 0, 0
        from generate_series(1, greatest(0, $1 - (select count(*)::int from parts))) as number";
    sqlx::query(filled).bind(COUNT).execute(&inventory).await?;
    let raised = "update parts set initial = $1, available = $1, restocked = 0, reserved = 0, consumed = 0";
    sqlx::query(raised).bind(STOCK).execute(&inventory).await?;
    sqlx::query("vacuum analyze parts").execute(&inventory).await?;
    let all: Vec<Uuid> =
        sqlx::query_scalar("select part_uuid from parts order by position").fetch_all(&inventory).await?;
    anyhow::ensure!(all.len() > SMALL_SHOP_PARTS, "the catalogue has {} parts only", all.len());
    let few = all[..SMALL_SHOP_PARTS].into();
    inventory.close().await;
    Ok(Parts { all: all.into(), few })
}

/// Empties all tables except `KEPT`, the histories of migrations and those of iam, which keep customers and sessions.
/// The shop must not run.
pub async fn empty(servers: &Servers) -> anyhow::Result<()> {
    for service in with_database().filter(|service| **service != iam::SERVICE) {
        let database = servers.database(service)?;
        let tables = r"select quote_ident(tablename) from pg_tables
            where schemaname = 'public' and tablename <> all($1) and tablename not like '\_sqlx\_migrations%'";
        let tables: Vec<String> =
            sqlx::query_scalar(tables).bind(KEPT.map(str::to_owned).to_vec()).fetch_all(&database).await?;
        if !tables.is_empty() {
            // An autovacuum gives way after `deadlock_timeout`, which is longer than the pool's `lock_timeout`.
            let truncate = format!("set lock_timeout = '1min'; truncate {}", tables.join(", "));
            sqlx::raw_sql(AssertSqlSafe(truncate)).execute(&database).await?;
        }
        database.close().await;
    }
    stock(servers.database(&inventory::SERVICE)?).await?;
    Ok(())
}

/// Returns a line for each table that grows with orders: bytes per order including indexes, updates since the database
/// was created, and the share of updates that touched no index (heap-only tuples).
pub async fn sizes(servers: &Servers, services: &[&'static Service], orders: i64) -> anyhow::Result<Vec<String>> {
    let question = "select relname::text, pg_table_size(relid), pg_indexes_size(relid), n_tup_upd, n_tup_hot_upd
        from pg_stat_user_tables where relname not like '\\_sqlx%' and (n_live_tup >= $1 or n_tup_upd > 1000) order by relname";
    let mut notes = Vec::new();
    for service in services {
        let database = servers.database(service)?;
        let rows: Vec<(String, i64, i64, i64, i64)> =
            sqlx::query_as(question).bind(orders).fetch_all(&database).await?;
        database.close().await;
        notes.extend(rows.into_iter().map(|(table, heap, indexes, updates, hot)| {
            let share = if updates == 0 { 0 } else { 100 * hot / updates };
            format!(
                "{service}.{table}: {} bytes an order, {} of its indexes; {updates} updates, {share} % of them HOT",
                heap / orders,
                indexes / orders
            )
        }));
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn the_parts_of_an_order_differ_and_a_hot_one_is_in_each() {
        let all: Arc<[Uuid]> = (1..=12).map(Uuid::from_u128).collect();
        let mut random = SmallRng::seed_from_u64(1);
        for _ in 0..1_000 {
            let any = Choice::Any(all.clone()).draw(&mut random);
            assert!(any.len() == 2 && any[0] != any[1]);
            let hot = Choice::Hot(all[0], all.clone()).draw(&mut random);
            assert!(hot.len() == 2 && hot[0] == all[0] && hot[1] != all[0]);
            let mut some = Choice::Some(12, all.clone()).draw(&mut random);
            some.dedup();
            assert_eq!(some.len(), 12);
        }
    }
}
