//! Tests that the statement of the catalogue uses an index for every filter.

use contracts::ids::PartId;
use inventory::{
    model::{Category, Filter, Page},
    repository::{Catalogue as _, PgCatalogue},
};
use platform::postgres::Database;
use uuid::Uuid;

use crate::fixture::{part, postgres};

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
