//! Plans of statements, as PostgreSQL explains them.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::statements::Statement;

/// PostgreSQL's code for a missing table.
const UNDEFINED_TABLE: &str = "42P01";

pub struct Plan {
    root: Value,
}

pub struct WholeRead {
    pub table: String,
    pub how: String,
}

/// Returns the statement's generic plan; `None` if the database lacks one of its tables.
pub async fn plan(connection: &mut PgConnection, statement: &Statement) -> Option<Plan> {
    let listed = |all: Vec<&str>| if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) };
    let types = listed(statement.types.iter().map(String::as_str).collect());
    let arguments = listed(vec!["null"; statement.types.len()]);
    // `force_generic_plan` makes the plan independent of arguments, so the statement is explained with nulls.
    let explained = format!(
        "set plan_cache_mode = force_generic_plan; prepare statement{types} as {}; \
         explain (format json) execute statement{arguments}; deallocate statement",
        statement.text
    );
    let row = match sqlx::raw_sql(AssertSqlSafe(explained)).fetch_one(&mut *connection).await {
        Ok(row) => row,
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => return None,
        Err(error) => panic!("{}: {error}", statement.place),
    };
    let mut explained: Value = row.get(0);
    Some(Plan { root: explained[0]["Plan"].take() })
}

impl Plan {
    /// Returns the reads of these tables that visit all rows, without an index or along an index from end to end.
    ///
    /// A partial index counts, too. A queue's index contains the rows that have left the queue until they are vacuumed,
    /// so a statement that reads it from end to end costs more the more rows passed through the queue.
    pub fn whole_reads(&self, tables: &BTreeSet<String>) -> Vec<WholeRead> {
        let mut found = Vec::new();
        visit(&self.root, Above { table: "", is_limited: false }, tables, &mut found);
        found
    }
}

/// The properties of a plan's node that depend on the nodes above it.
#[derive(Clone, Copy)]
struct Above<'a> {
    /// The table of the nearest node above that has one. A bitmap index scan does not name the table itself.
    table: &'a str,
    /// True if a node above stops after some rows, and no node between them needs all rows first.
    is_limited: bool,
}

fn visit(node: &Value, above: Above<'_>, tables: &BTreeSet<String>, found: &mut Vec<WholeRead>) {
    let text = |key: &str| node[key].as_str().unwrap_or_default();
    let kind = text("Node Type");
    let table = node["Relation Name"].as_str().unwrap_or(above.table);
    let is_whole = match kind {
        "Seq Scan" => true,
        "Index Scan" | "Index Only Scan" => !above.is_limited && node["Index Cond"].is_null(),
        "Bitmap Index Scan" => node["Index Cond"].is_null(),
        _ => false,
    };
    if is_whole && tables.contains(table) {
        let details = ["Index Name", "Filter"].map(text).join(" ");
        let details = if details.trim().is_empty() { "no filter" } else { details.trim() };
        found.push(WholeRead { table: table.to_owned(), how: format!("{kind}, {details}") });
    }
    let needs_all = ["Sort", "Aggregate", "Hash", "Materialize", "WindowAgg"].contains(&kind);
    let is_limited = kind == "Limit" || above.is_limited && !needs_all;
    for child in node["Plans"].as_array().into_iter().flatten() {
        visit(child, Above { table, is_limited }, tables, found);
    }
}
