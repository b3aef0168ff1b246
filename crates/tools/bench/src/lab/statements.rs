//! The statements that take most of PostgreSQL's time. A statement's time includes planning and waiting for locks, but
//! not waiting for the flush of its commit.

use platform::postgres::Database;

/// How many statements are shown.
const MAX_STATEMENTS: i64 = 8;
/// How many characters of each statement are shown.
const MAX_CHARACTERS: i32 = 90;

pub async fn forget(database: &Database) -> anyhow::Result<()> {
    sqlx::query("select pg_stat_statements_reset()").execute(database).await?;
    Ok(())
}

/// Returns the statements that take most of the time. Each line has the statement's share of the time, and how often it
/// ran per operation, of `count` operations.
pub async fn top(database: &Database, count: usize) -> anyhow::Result<Vec<String>> {
    let top = "select datname::text, calls, total / calls, 100 * total / sum(total) over () as share,
            left(regexp_replace(query, '\\s+', ' ', 'g'), $2)
        from pg_stat_statements join pg_database on pg_database.oid = dbid
        cross join lateral (values (total_exec_time + total_plan_time)) as both_times (total)
        where datname <> current_database()
        order by total desc limit $1";
    let rows: Vec<(String, i64, f64, f64, String)> =
        sqlx::query_as(top).bind(MAX_STATEMENTS).bind(MAX_CHARACTERS).fetch_all(database).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let line = |(database, calls, mean, share, query): (String, i64, f64, f64, String)| {
        let each = calls as f64 / count.max(1) as f64;
        format!("{share:.0} % of PostgreSQL's time, {mean:.2} ms, {each:.2} an operation: {database}: `{query} …`")
    };
    Ok(rows.into_iter().map(line).collect())
}
