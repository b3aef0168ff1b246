//! Where PostgreSQL's time goes, by statement. Waiting for a commit to be flushed is no part of a statement's time; waiting for a lock is.

use platform::postgres::Database;

/// Statements that are shown.
const TOP: i64 = 8;
/// Letters of each that are shown.
const SHOWN: i32 = 90;

pub async fn forget(database: &Database) -> anyhow::Result<()> {
    sqlx::query("select pg_stat_statements_reset()").execute(database).await?;
    Ok(())
}

/// The statements that take most of the time, with their share of it and how often each ran for one of `count` operations.
pub async fn top(database: &Database, count: usize) -> anyhow::Result<Vec<String>> {
    let top =
        "select datname::text, calls, mean_exec_time, 100 * total_exec_time / sum(total_exec_time) over () as share,
            left(regexp_replace(query, '\\s+', ' ', 'g'), $2)
        from pg_stat_statements join pg_database on pg_database.oid = dbid
        where datname <> current_database()
        order by total_exec_time desc limit $1";
    let rows: Vec<(String, i64, f64, f64, String)> =
        sqlx::query_as(top).bind(TOP).bind(SHOWN).fetch_all(database).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let line = |(database, calls, mean, share, query): (String, i64, f64, f64, String)| {
        let each = calls as f64 / count.max(1) as f64;
        format!("{share:.0} % of PostgreSQL's time, {mean:.2} ms, {each:.2} an operation: {database}: `{query} …`")
    };
    Ok(rows.into_iter().map(line).collect())
}
