//! Every statement of every service uses indexes, both on large tables and with a plan made while the tables were
//! empty. The exceptions are listed here.

use std::collections::BTreeSet;

use bench::fill::{Fill, fill, is_known};
use futures::future::join_all;
use operations::registry::with_database;
use platform::server::service::Service;
use sqlx::PgConnection;

use super::{
    plan::{self, plan},
    statements::{self, SHARED, Statement},
};

const FILL: Fill = Fill { first: 1, last: 12_000, open: 240, parts: 12_000 };
/// How many rows a large table has at least.
const MIN_LARGE_ROWS: i64 = 1_000;
/// Tables that stay small, however many orders there are: one row per job, bot, courier or alert.
const SMALL: [&str; 8] =
    ["action_chain", "alerts", "bot_offsets", "couriers", "leases", "places", "storage_places", "work"];
/// The beginnings of the statements that may read a whole table or queue, and why.
const WHOLE: [(&str, &str); 6] = [
    (
        "inventory: crates/services/inventory/src/repository/postgres/catalogue.rs (insert into parts ",
        "seeds once, at start",
    ),
    (
        "iam: crates/services/iam/src/repository/users/changes.rs (select uuid as \"id: UserId\", login, operator_since",
        "lists the operators, of whom there are few",
    ),
    (
        "intake: crates/services/intake/src/repository/postgres/mod.rs (select number as \"number!\", ",
        "fills the cache once, at start",
    ),
    (
        "customers: crates/services/customers/src/repository/loans.rs (with page as ",
        "reads a page; the sort is incremental",
    ),
    ("customers: crates/services/customers/src/repository/customers.rs (with written as ", "few loans are held"),
    (
        "operations: crates/services/operations/src/repository/resolved_letters.rs (select * from resolved_letters …)",
        "an audit reads all",
    ),
];

/// A service's database, and the names of its tables that are or will be large. The connection has the settings of the
/// service's own connections.
struct Tables {
    service: &'static Service,
    connection: PgConnection,
    large: BTreeSet<String>,
}

impl Tables {
    /// Creates tables like those of a new shop: empty, and never analysed. A service keeps its plans for these tables
    /// until they are analysed.
    async fn of_a_new_shop(service: &'static Service) -> Self {
        let database = testkit::database(service.migrations().expect("it has a database")).await;
        let mut connection = database.pool.connect().await.unwrap();
        let large = sizes(&mut connection).await.into_iter().map(|(table, _)| table);
        Self { service, large: large.filter(|table| !SMALL.contains(&table.as_str())).collect(), connection }
    }

    /// Creates tables with many rows, if `crates/tools/bench/src/fill` has a fill for the service.
    async fn filled(service: &'static Service) -> Self {
        if !is_known(service) {
            return Self::of_a_new_shop(service).await;
        }
        let database = testkit::database(service.migrations().expect("it has a database")).await;
        let mut connection = database.pool.connect().await.unwrap();
        fill(&mut connection, service, FILL, &[]).await.unwrap();
        let sizes = sizes(&mut connection).await;
        let few = |(table, rows): &&(String, i64)| *rows < MIN_LARGE_ROWS && !SMALL.contains(&table.as_str());
        assert_eq!(
            sizes.iter().find(few),
            None,
            "a large table has {MIN_LARGE_ROWS} rows at least: crates/tools/bench/src/fill/{service}.sql"
        );
        let large = sizes.into_iter().map(|(table, _)| table).filter(|table| !SMALL.contains(&table.as_str()));
        Self { service, connection, large: large.collect() }
    }

    /// Returns a sentence for each large table that the statement reads as a whole; `None` if the database lacks one of
    /// the statement's tables.
    async fn whole_reads(&mut self, statement: &Statement) -> Option<Vec<String>> {
        let plan = plan(&mut self.connection, statement).await?;
        let of = |read: plan::WholeRead| {
            format!("{}: {} reads the table {} whole ({})", self.service, statement.place, read.table, read.how)
        };
        Some(plan.whole_reads(&self.large).into_iter().map(of).collect())
    }
}

/// Returns the tables and their row counts.
async fn sizes(connection: &mut PgConnection) -> Vec<(String, i64)> {
    let sizes = "select relname::text, reltuples::bigint from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like '\\_sqlx%'";
    sqlx::query_as(sizes).fetch_all(connection).await.unwrap()
}

/// Returns a sentence for each large table or queue that a statement reads as a whole. Each service's statements are
/// checked on the tables that `tables_of` creates.
async fn whole_reads(tables_of: impl AsyncFn(&'static Service) -> Tables) -> Vec<String> {
    let shared: Vec<Statement> =
        SHARED.iter().flat_map(|folder| statements::of(folder)).chain(statements::of_outbox()).collect();
    let (shared, tables_of) = (&shared, &tables_of);
    let found = join_all(with_database().map(async |service| {
        let mut tables = tables_of(service).await;
        let own = statements::of(&format!("crates/services/{service}"));
        assert!(!own.is_empty(), "{service} has no checked statements");
        let mut found = Vec::new();
        for statement in &own {
            let reads = tables.whole_reads(statement).await;
            found.extend(reads.unwrap_or_else(|| panic!("{}: a table is missing", statement.place)));
        }
        let mut met = BTreeSet::new();
        for statement in shared {
            if let Some(reads) = tables.whole_reads(statement).await {
                met.insert(&statement.place);
                found.extend(reads);
            }
        }
        (found, met)
    }))
    .await;
    for statement in shared {
        let met = found.iter().any(|(_, met)| met.contains(&statement.place));
        assert!(met, "{}: no database has its tables", statement.place);
    }
    found.into_iter().flat_map(|(found, _)| found).collect()
}

/// Returns the sentences about statements that are not in [`WHOLE`].
fn unexpected(found: &[String]) -> Vec<&String> {
    found.iter().filter(|sentence| WHOLE.iter().all(|(beginning, _)| !sentence.starts_with(beginning))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reads_a_large_table_whole() {
    let found = whole_reads(Tables::filled).await;

    assert_eq!(unexpected(&found), [""; 0], "with {} orders; docs/scaling.md says what to do", FILL.last);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_plan_that_is_made_in_a_new_shop_reads_a_table_whole_ever_after() {
    let found = whole_reads(Tables::of_a_new_shop).await;

    assert_eq!(unexpected(&found), [""; 0], "docs/scaling.md says what to do");
    for (beginning, reason) in WHOLE {
        let is_met = found.iter().any(|sentence| sentence.starts_with(beginning));
        assert!(is_met, "{beginning} ({reason}) reads nothing whole any more: remove the exception");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_index_is_noticed_with_its_service_file_and_table() {
    let mut filled = Tables::filled(&iam::SERVICE).await;
    let own = statements::of("crates/services/iam");
    sqlx::raw_sql("alter table users drop constraint users_email_caseless")
        .execute(&mut filled.connection)
        .await
        .unwrap();

    let mut found = Vec::new();
    for statement in &own {
        found.extend(filled.whole_reads(statement).await.unwrap());
    }

    let registering =
        "iam: crates/services/iam/src/repository/users/mod.rs (select exists (select from users where login";
    let found = unexpected(&found);
    assert!(found.iter().any(|sentence| sentence.starts_with(registering)), "{found:#?}");
    assert!(found.iter().all(|sentence| sentence.contains(" reads the table users whole (Seq Scan, ")), "{found:#?}");
}
