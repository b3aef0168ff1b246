//! The space of orders in the databases, and how many of their updates touched an index.

use platform::server::service::Service;

use super::Servers;

/// Returns a line for each table that grows with orders: bytes per order including indexes, updates since the database
/// was created, and the share of updates that touched no index (heap-only tuples).
pub async fn notes(servers: &Servers, services: &[&'static Service], orders: i64) -> anyhow::Result<Vec<String>> {
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
