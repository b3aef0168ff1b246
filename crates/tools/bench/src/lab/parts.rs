//! Ten thousand parts that never run out of stock.

use std::sync::Arc;

use platform::postgres::Database;
use rand::{RngExt as _, rngs::SmallRng};
use uuid::Uuid;

const COUNT: i32 = 10_000;
/// The number of parts of a small shop.
const SMALL_SHOP_PARTS: usize = 12;
const STOCK: i64 = 1_000_000_000;

pub struct Parts {
    all: Arc<[Uuid]>,
    few: Arc<[Uuid]>,
}

/// How an order's parts are chosen.
#[derive(Clone)]
pub enum Choice {
    /// Any two different parts of this list.
    Any(Arc<[Uuid]>),
    /// The first part, and any other of this list.
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
