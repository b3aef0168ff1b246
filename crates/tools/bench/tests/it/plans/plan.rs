//! Plans of statements, as PostgreSQL explains them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::statements::Statement;

/// PostgreSQL's code for a table that does not exist.
const UNDEFINED_TABLE: &str = "42P01";

pub struct Plan {
    root: Value,
    /// Indexes by name; false for an index that has only some of the rows.
    has_all_rows: BTreeMap<String, bool>,
}

pub struct WholeRead {
    pub table: String,
    pub how: String,
}

/// Returns the generic plan of the statement. `None` if the database lacks one of the statement's tables.
pub async fn plan(connection: &mut PgConnection, statement: &Statement) -> Option<Plan> {
    let listed = |all: Vec<&str>| if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) };
    let types = listed(statement.types.iter().map(String::as_str).collect());
    let arguments = listed(vec!["null"; statement.types.len()]);
    // `force_generic_plan` makes the plan independent of the arguments, so the statement is explained with nulls.
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
    let indexes = "select relname::text, indpred is null from pg_index join pg_class on pg_class.oid = indexrelid";
    let indexes: Vec<(String, bool)> = sqlx::query_as(indexes).fetch_all(connection).await.unwrap();
    let mut explained: Value = row.get(0);
    Some(Plan { root: explained[0]["Plan"].take(), has_all_rows: indexes.into_iter().collect() })
}

impl Plan {
    /// Returns the reads of these tables that visit all rows: without an index, or along an index from end to end.
    pub fn whole_reads(&self, tables: &BTreeSet<String>) -> Vec<WholeRead> {
        let mut found = Vec::new();
        self.visit(&self.root, false, tables, &mut found);
        found
    }

    /// Visits a node of the plan and those below it. `is_limited` is true if a node above stops after some rows.
    fn visit(&self, node: &Value, is_limited: bool, tables: &BTreeSet<String>, found: &mut Vec<WholeRead>) {
        let text = |key: &str| node[key].as_str().unwrap_or_default();
        let kind = text("Node Type");
        let is_whole = match kind {
            "Seq Scan" => true,
            "Index Scan" | "Index Only Scan" => {
                !is_limited && node["Index Cond"].is_null() && self.has_all_rows[text("Index Name")]
            }
            _ => false,
        };
        if is_whole && tables.contains(text("Relation Name")) {
            let details = ["Index Name", "Filter"].map(text).join(" ");
            let details = if details.trim().is_empty() { "no filter" } else { details.trim() };
            found.push(WholeRead { table: text("Relation Name").to_owned(), how: format!("{kind}, {details}") });
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.visit(child, is_limited || kind == "Limit", tables, found);
        }
    }
}
