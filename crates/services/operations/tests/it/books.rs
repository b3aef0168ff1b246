//! Tests of the rights to append-only tables: a service adds rows to them, and cannot change any.

use operations::registry::with_database;
use servers::postgres::ensure_role;
use sqlx::{AssertSqlSafe, PgConnection};

const BOOKS: [&str; 7] =
    ["action_checkpoints", "actions", "credits", "customer_versions", "ledger_entries", "restock_items", "restocks"];

/// The tables of a database that this role may read and add to, and whose rows it cannot change.
const ADDED_TO: &str = "select relname::text from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and has_table_privilege($1, oid, 'select')
        and has_table_privilege($1, oid, 'insert') and not has_table_privilege($1, oid, 'update, delete')";

#[tokio::test]
async fn a_service_adds_rows_to_the_books_and_changes_none() {
    let mut books = Vec::new();
    for service in with_database() {
        let database = testkit::empty_database().await;
        let mut connection: PgConnection = database.pool.connect().await.unwrap();
        let name = "select current_database()::text";
        let role: String = sqlx::query_scalar(name).fetch_one(&mut connection).await.unwrap();
        ensure_role(&database.url, &role, "own").await.unwrap();
        service.migrations().unwrap().run(&mut connection).await.unwrap();
        let added_to = async |connection: &mut PgConnection| {
            let tables = sqlx::query_scalar::<_, String>(ADDED_TO).bind(&role).fetch_all(connection);
            tables.await.unwrap()
        };

        let migrated = added_to(&mut connection).await;
        // On an existing volume, `databases.sh` grants the rights again.
        ensure_role(&database.url, &role, "own").await.unwrap();
        let again = added_to(&mut connection).await;

        assert_eq!(again, migrated, "{service}");
        books.extend(migrated);
        let drop = AssertSqlSafe(format!(r#"drop owned by "{role}"; drop role "{role}""#));
        sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
    }
    books.sort();
    // Two databases have the table `actions`: the console's is left from earlier releases.
    books.dedup();
    assert_eq!(books, BOOKS);
}
