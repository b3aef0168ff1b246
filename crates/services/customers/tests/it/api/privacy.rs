//! Personal data is only in its own table, and erasure removes it from there.

use contracts::proto::customers::v1::EraseCustomerRequest;
use sqlx::Row as _;
use testkit::with_session;

use super::Fixture;

/// Each table's name, and its rows as text.
async fn tables(fixture: &Fixture) -> Vec<(String, String)> {
    let names = sqlx::query("select table_name::text from information_schema.tables where table_schema = 'public'");
    let mut tables = Vec::new();
    for row in names.fetch_all(&fixture.database.pool).await.unwrap() {
        let name: String = row.get(0);
        let rows = format!("select coalesce(string_agg(row_to_json(t)::text, ' '), '') from \"{name}\" t");
        let rows: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_one(&fixture.database.pool).await.unwrap();
        // The outbox's payloads are bytes, which appear in hexadecimal.
        tables.push((name, rows));
    }
    tables
}

fn with_name(tables: &[(String, String)]) -> Vec<&str> {
    // "Anna" in hexadecimal.
    let hex = "416e6e61";
    let found = tables.iter().filter(|(_, rows)| rows.contains("Anna") || rows.contains(hex));
    found.map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_name_is_in_one_table_and_in_none_once_it_is_erased() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.user();
    fixture.create(&session, "Anna Karenina").await.unwrap();
    fixture.reaches(&session, user, "VERIFIED").await;
    fixture.update(&session, "Anna Mallory", 2).await.unwrap();
    let back = fixture.reaches(&session, user, "VERIFIED").await;
    assert_eq!(back.name, "Anna Mallory");
    assert_eq!(with_name(&tables(&fixture).await), ["profiles"]);

    fixture.client().erase_customer(with_session(&session, EraseCustomerRequest {})).await.unwrap();

    assert_eq!(with_name(&tables(&fixture).await), Vec::<&str>::new());
}
