//! Counts 1000 concurrent visits of one page with few updates of its row. Running it again counts none of them twice.
//!
//! DATABASE_URL=postgres://postgres@127.0.0.1/test cargo run -p group-commit --example counter

use std::{env, error::Error, sync::Arc};

use futures::future::try_join_all;
use group_commit::GroupCommit;
use sqlx::PgPool;

#[derive(Clone)]
struct Visit {
    id: i64,
    page: String,
}

const TABLES: &str = "
    create table if not exists visits (id bigint primary key, page text not null);
    create table if not exists pages (page text primary key, visits bigint not null);
";

/// Counts those of the visits that are not counted yet, so the statement may be repeated.
async fn count(pool: PgPool, visits: Arc<[Visit]>) -> sqlx::Result<()> {
    let (ids, pages): (Vec<i64>, Vec<String>) = visits.iter().map(|visit| (visit.id, visit.page.clone())).unzip();
    sqlx::query(
        "with fresh as (
            insert into visits (id, page)
            select * from unnest($1::bigint[], $2::text[]) as visit (id, page) order by id
            on conflict (id) do nothing
            returning page
        )
        insert into pages (page, visits)
        select page, count(*) from fresh group by page order by page
        on conflict (page) do update set visits = pages.visits + excluded.visits",
    )
    .bind(ids)
    .bind(pages)
    .execute(&pool)
    .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = PgPool::connect(&env::var("DATABASE_URL")?).await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;
    let visits = GroupCommit::without_results("count_visits", pool.clone(), count);

    try_join_all((0..1000).map(|id| visits.submit(Visit { id, page: "start".to_owned() }))).await?;

    let counted: i64 =
        sqlx::query_scalar("select visits from pages where page = $1").bind("start").fetch_one(&pool).await?;
    println!("{counted} visits");
    Ok(())
}
