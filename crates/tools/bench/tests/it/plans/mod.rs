//! The plans of all services' statements, and the queues that they read.
//!
//! The statements are those that sqlx's macros have checked; a build of the workspace refuses others. Their plans are
//! generic, like those of a prepared statement, and hold for any arguments.

mod plan;
mod statements;
mod whole_reads;

use operations::registry::with_database;

use self::statements::unchecked;

/// A table that serves as a queue, through which only a few rows a day pass.
const SLOW_QUEUE: &str = "loans";
/// Sources with unchecked statements, and why that does not affect the services' tables.
const UNCHECKED: [(&str, &str); 3] = [
    ("crates/shared/store/src/lib.rs", "the example of the crate's documentation"),
    ("crates/shared/store/src/postgres/migrations.rs", "reads the history of migrations"),
    ("crates/shared/store/src/postgres/migrate.rs", "asks the server about its own connections"),
];

#[tokio::test]
async fn queues_are_vacuumed_by_what_has_left_them_whatever_their_tables_hold() {
    // A queue is a table with a partial index, which its rows enter and leave.
    let queues = "select relname::text, coalesce(array_to_string(reloptions, ' '), '') from pg_class
        where relname <> $1 and exists (
            select from pg_index where indrelid = pg_class.oid and pg_get_expr(indpred, indrelid) ~ 'status|published_at')";
    let mut count = 0;
    for service in with_database() {
        let database = testkit::database(service.migrations().expect("it has a database")).await;
        let found: Vec<(String, String)> =
            sqlx::query_as(queues).bind(SLOW_QUEUE).fetch_all(&database.pool).await.unwrap();
        for (table, settings) in &found {
            assert!(
                settings.contains("autovacuum_vacuum_scale_factor=0.01"),
                "{service}: dead entries of the indexes of {table} stay until a fifth of it has changed: set \
                 autovacuum_vacuum_scale_factor in a migration ({settings})"
            );
        }
        count += found.len();
    }
    assert!(count >= 10, "{count} tables have a queue");
}

#[test]
fn every_statement_is_a_checked_one() {
    let found = unchecked();

    for place in &found {
        let known = UNCHECKED.iter().any(|(known, _)| known == place);
        assert!(known, "{place} has a statement that is not checked, so that nobody sees its plan: use sqlx's macros");
    }
    for (place, reason) in UNCHECKED {
        assert!(found.contains(place), "{place} has no unchecked statement any more ({reason}): remove the exception");
    }
}
