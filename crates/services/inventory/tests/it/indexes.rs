//! Tests that statements use indexes: for every filter of the catalogue, and with plans that PostgreSQL made while the tables were empty.

use contracts::ids::PartId;
use inventory::{
    model::{Category, Filter, Page},
    repository::{Catalogue as _, PgCatalogue},
};
use platform::postgres::Database;
use uuid::Uuid;

use crate::fixture::{LATER, new_order, over, part, postgres};

#[tokio::test]
async fn no_filter_reads_the_whole_catalogue() {
    let (fixture, database) = postgres().await;
    let first = part(1);
    fixture.catalogue.seed(std::slice::from_ref(&first)).await.unwrap();
    sqlx::query!(
        "insert into parts (part_uuid, name, description, price, category, length, width, height, weight,
            manufacturer_name, manufacturer_country, manufacturer_website, tags, metadata, initial, available)
        select gen_random_uuid(), 'part ' || number, '', 1, case when number < 50 then 'fuel' else 'wing' end, 1, 1, 1, 1,
            'maker', 'country ' || number % 500, '', array['tag ' || number % 300, 'all'], '{}', 1, 1
        from generate_series(1, 20000) as number"
    )
    .execute(&database.pool)
    .await
    .unwrap();
    sqlx::query!("analyze parts").execute(&database.pool).await.unwrap();
    // One connection, so that all statements use its cached plans.
    let pool =
        Database::lazy("test", "TEST_DATABASE_URL", &database.url.clone().into(), 1).unwrap().with_stable_plans();
    let catalogue = PgCatalogue::new(pool.clone());
    let scans = async || {
        sqlx::query!("select pg_stat_force_next_flush()").fetch_one(&pool).await.unwrap();
        let scans = sqlx::query_scalar!("select seq_scan from pg_stat_user_tables where relname = 'parts'");
        scans.fetch_one(&pool).await.unwrap()
    };
    let all = Filter::default();
    // Unfiltered listings come first, so that PostgreSQL would create its generic plan for them.
    for _ in 0..10 {
        assert_eq!(catalogue.list(&all, Page::default()).await.unwrap().0.len(), 20_001);
    }
    let before = scans().await;

    for (filter, expected) in [
        (Filter { parts: vec![first.id, PartId::new(Uuid::nil())], ..all.clone() }, 1),
        (Filter { names: vec!["part 7".to_owned(), "part 8".to_owned()], ..all.clone() }, 2),
        (Filter { categories: vec![Category::Fuel], ..all.clone() }, 49),
        (Filter { countries: vec!["country 3".to_owned()], ..all.clone() }, 40),
        (Filter { tags: vec!["tag 5".to_owned()], ..all.clone() }, 67),
        (Filter { tags: vec!["tag 5".to_owned()], countries: vec!["country 5".to_owned()], ..all.clone() }, 14),
    ] {
        for _ in 0..10 {
            assert_eq!(catalogue.list(&filter, Page::default()).await.unwrap().0.len(), expected, "{filter:?}");
        }

        assert_eq!(scans().await, before, "{filter:?}");
    }
}

#[tokio::test]
async fn a_plan_that_is_made_in_an_empty_shop_does_not_read_a_whole_table_later() {
    const RESERVATIONS: i64 = 20_000;
    let (_, database) = postgres().await;
    // The statistics say that the tables are empty, so PostgreSQL plans to scan them sequentially.
    sqlx::query("analyze").execute(&database.pool).await.unwrap();
    let pool =
        Database::lazy("test", "TEST_DATABASE_URL", &database.url.clone().into(), 1).unwrap().with_stable_plans();
    let shop = over(&pool);
    let [part] = shop.stocked([100]).await;
    let order = async || shop.reserve(new_order(), &[(part, 1)], LATER).await.unwrap();
    // Without `with_stable_plans`, PostgreSQL would switch to a generic plan after five executions at the earliest.
    for _ in 0..10 {
        order().await;
    }
    sqlx::query(
        "insert into reservations (order_uuid, status, expires_at)
        select gen_random_uuid(), 'held', now() + interval '1 hour' from generate_series(1, $1) as number",
    )
    .bind(RESERVATIONS)
    .execute(&database.pool)
    .await
    .unwrap();
    let read = async || {
        sqlx::query!("select pg_stat_force_next_flush()").fetch_one(&pool).await.unwrap();
        let read = "select (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_user_tables where relname = 'reservations'";
        sqlx::query_scalar::<_, i64>(read).fetch_one(&pool).await.unwrap()
    };
    let before = read().await;

    for _ in 0..10 {
        order().await;
    }

    let read = read().await - before;
    assert!(read < RESERVATIONS, "ten orders read {read} reservations");
}
