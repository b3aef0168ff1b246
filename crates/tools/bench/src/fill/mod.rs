//! Fills the tables of a service with orders, so that one can see what a statement costs once the tables are large.

use anyhow::Context as _;
use platform::service::Service;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

/// Functions that all fills use.
const SHARED: &str = include_str!("shared.sql");

/// Orders by their numbers, which begin with 1.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// The first that is added: one more than the last that is there.
    pub first: i64,
    pub last: i64,
    /// So many of the last are still under way.
    pub open: i64,
    /// Parts in the catalogue, a thousand at least.
    pub parts: i64,
}

/// Adds the rows that these orders leave in the tables of `service`. The first thousand are of `users`, if there are any. Orders
/// have the same ids in all databases. Statistics and the visibility map are as autovacuum would leave them.
pub async fn fill(connection: &mut PgConnection, service: &Service, fill: Fill, users: &[Uuid]) -> anyhow::Result<()> {
    let rows = rows(service.name).with_context(|| format!("there is no crates/tools/bench/src/fill/{service}.sql"))?;
    for (name, value) in [("first", fill.first), ("last", fill.last), ("open", fill.open), ("parts", fill.parts)] {
        let set = sqlx::query("select set_config('bench.' || $1, $2::text, false)").bind(name).bind(value);
        set.execute(&mut *connection).await?;
    }
    let users: Vec<String> = users.iter().map(Uuid::to_string).collect();
    let set = sqlx::query("select set_config('bench.users', $1, false)").bind(format!("{{{}}}", users.join(",")));
    set.execute(&mut *connection).await?;
    // A million orders take minutes.
    sqlx::raw_sql("set statement_timeout = 0").execute(&mut *connection).await?;
    // The statements are of this program.
    let statements = AssertSqlSafe(format!("begin; {SHARED}; {rows}; commit"));
    sqlx::raw_sql(statements).execute(&mut *connection).await.with_context(|| format!("filling {service}"))?;
    sqlx::raw_sql("vacuum (analyze)").execute(&mut *connection).await?;
    Ok(())
}

/// Whether there are rows for the tables of `service`.
pub fn is_known(service: &Service) -> bool {
    rows(service.name).is_some()
}

fn rows(service: &str) -> Option<&'static str> {
    Some(match service {
        "assembly" => include_str!("assembly.sql"),
        "customers" => include_str!("customers.sql"),
        "delivery" => include_str!("delivery.sql"),
        "iam" => include_str!("iam.sql"),
        "intake" => include_str!("intake.sql"),
        "inventory" => include_str!("inventory.sql"),
        "notification" => include_str!("notification.sql"),
        "order" => include_str!("order.sql"),
        "payment" => include_str!("payment.sql"),
        _ => return None,
    })
}
