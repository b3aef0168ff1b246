//! Tests that a statement is planned once for each connection, not for the arguments of each execution.

use platform::postgres::Database;

#[tokio::test]
async fn a_statement_is_planned_once_for_a_connection() {
    let database = testkit::empty_database().await;
    let url = database.url.clone().into();
    let pool = Database::lazy("test", "TEST_DATABASE_URL", &url, 1).expect("a URL").with_stable_plans();
    sqlx::query("create table items (id bigint primary key)").execute(&pool).await.unwrap();
    // For one id the statement costs much less than for a generic plan's unknown number of ids.
    let statement = "select count(*) from unnest($1::bigint[]) as asked (id) join items using (id)";

    for _ in 0..10 {
        sqlx::query(statement).bind(vec![1_i64]).execute(&pool).await.unwrap();
    }

    let (generic, custom): (i64, i64) =
        sqlx::query_as("select generic_plans, custom_plans from pg_prepared_statements where statement = $1")
            .bind(statement)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!((generic, custom), (10, 0));
}
