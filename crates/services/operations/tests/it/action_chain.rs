//! The chain of the log of operators' actions over PostgreSQL: what an audit says about a log that was changed by hand.

use audit::{Facts, Finding, Verdict};
use console::receipt_keys::ReceiptKeys;
use contracts::ids::UserId;
use futures::future::join_all;
use operations::{
    SERVICE,
    databases::Databases,
    facts::action_log::{self, Keys},
    repository::{MIGRATIONS, PgActions},
    service::Checkpoints,
};
use platform::{config::Settings, ids};
use sqlx::AssertSqlSafe;
use testkit::Database;

const OTHER_KEY: &str = include_str!("../../../console/tests/it/keys/one.pem");
/// Removes the last rows, so that the log looks as if the row 2 had been the last one.
const CUT_OFF: &str = "delete from actions where id > 2;
    update action_chain set last = 2, hash = (select hash from actions where id = 2)";

struct Log {
    database: Database,
    rows: PgActions,
    /// The `RECEIPT_KEY` of the service.
    key: &'static str,
}

impl Log {
    async fn new() -> Self {
        let database = testkit::database(&MIGRATIONS).await;
        let rows = PgActions::new(database.pool.clone());
        Self { database, rows, key: "" }
    }

    /// Returns a log with two actions, each with its start and its end, whose last row is signed.
    async fn signed() -> Self {
        Self::signed_with("").await
    }

    async fn signed_with(key: &'static str) -> Self {
        let log = Self { key, ..Self::new().await };
        for _ in 0..2 {
            log.act().await;
        }
        assert_eq!(log.sign().await, 1);
        log
    }

    async fn act(&self) {
        let operator = UserId::new(ids::random());
        let begun = self.rows.begin(operator, "restock", "wing").await.unwrap();
        assert!(self.rows.end(operator, begun, "done").await.unwrap());
    }

    /// Signs the end of the chain if that is due, and returns the number of signatures.
    async fn sign(&self) -> u64 {
        Checkpoints::new(self.rows.clone(), ReceiptKeys::load(&settings(self.key)).unwrap()).sign().await.unwrap().count
    }

    async fn execute(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&self.database.pool).await.unwrap();
    }

    async fn finding(&self, keys: &Keys) -> Finding {
        let databases: Databases = [(&SERVICE, self.database.pool.clone())].into_iter().collect();
        let log = action_log::read(&databases, keys).await.unwrap();
        let report = audit::check(&Facts { action_log: Some(log), ..Facts::default() });
        report.findings.into_iter().find(|finding| finding.number == 14).unwrap()
    }

    /// Returns the violations, one per line.
    async fn violations(&self) -> String {
        let violations = self.finding(&Keys::load(&settings(""))).await.violations.into_iter();
        violations.map(|one| format!("{}: {}", one.row, one.problem)).collect::<Vec<_>>().join("\n")
    }
}

/// Returns settings with this `RECEIPT_KEY`; without one, the published key signs.
fn settings(pem: &str) -> Settings {
    let settings = testkit::settings();
    if pem.is_empty() { settings } else { settings.with([("RECEIPT_KEY", pem.to_owned())]) }
}

#[tokio::test]
async fn a_log_that_was_edited_shortened_or_extended_by_hand_is_told_from_a_valid_one() {
    let insert =
        "insert into actions (id, at, operator_uuid, action, subject, result, previous, hash) overriding system value
        select -1, at, operator_uuid, action, subject, result, previous, hash from actions where id = 1";
    let unchained = "insert into actions (operator_uuid, action, subject, result)
        values (gen_random_uuid(), 'restock', 'wing', 'done')";
    let changes: [(&str, &[&str]); 10] = [
        ("select", &[]),
        ("update actions set result = 'failed' where id = 2", &["action 2: was edited"]),
        ("update actions set at = at + interval '1 microsecond' where id = 3", &["action 3: was edited"]),
        ("update actions set begun = 1 where id = 4", &["action 4: was edited"]),
        ("delete from actions where id = 2", &["action 3: the row before it was removed"]),
        ("delete from actions where id = 4", &["action 3: the rows after it were removed", "checkpoint of action 4"]),
        (insert, &["action -1: was edited", "action -1: was inserted"]),
        (unchained, &["action 5: is not in the chain"]),
        (CUT_OFF, &["checkpoint of action 4", "the log was cut off before it"]),
        ("update action_checkpoints set signed_at = now()", &["checkpoint of action 4", "its signature is not valid"]),
    ];
    for (change, texts) in changes {
        let log = Log::signed().await;
        log.execute(change).await;

        let found = log.violations().await;

        assert_eq!(found.is_empty(), texts.is_empty(), "{change}: {found}");
        assert!(texts.iter().all(|text| found.contains(text)), "{change}: {found} lacks {texts:?}");
    }
}

#[tokio::test]
async fn actions_at_once_make_one_chain() {
    let log = Log::new().await;

    join_all((0..20).map(|_| log.act())).await;

    let found = log.finding(&Keys::load(&settings(""))).await;
    assert_eq!(found.verdict, Verdict::Holds, "{found:?}");
    assert!(found.counted.iter().any(|count| count.of == "operators' actions" && count.count == 40), "{found:?}");
}

#[tokio::test]
async fn the_chain_begins_with_the_first_row_of_this_version() {
    let log = Log::new().await;
    let earlier = "insert into actions (operator_uuid, action, subject, result)
        values (gen_random_uuid(), 'restock', 'wing', 'begun')";
    log.execute(earlier).await;
    log.act().await;

    let found = log.finding(&Keys::load(&settings(""))).await;

    assert_eq!(found.verdict, Verdict::Holds, "{found:?}");
    assert!(found.notes[0].contains("begins with action 2; those up to 1 are not in it"), "{found:?}");
}

#[tokio::test]
async fn the_end_of_the_chain_is_signed_once_an_hour() {
    let log = Log::new().await;
    assert_eq!(log.sign().await, 0, "there is nothing to sign");
    log.act().await;
    assert_eq!([log.sign().await, log.sign().await], [1, 0], "the end is signed");
    log.act().await;
    assert_eq!(log.sign().await, 0, "an hour has not passed");

    log.execute("update action_checkpoints set signed_at = signed_at - interval '61 min'").await;

    assert_eq!(log.sign().await, 1);
    let signed: Vec<i64> = sqlx::query_scalar("select action from action_checkpoints order by 1")
        .fetch_all(&log.database.pool)
        .await
        .unwrap();
    assert_eq!(signed, [2, 4]);
}

#[tokio::test]
async fn a_checkpoint_of_another_key_is_found_by_who_has_the_shops_key_and_noted_by_others() {
    let [own, forged] = [Log::signed().await, Log::signed_with(OTHER_KEY).await];

    let found = own.finding(&Keys::load(&settings(OTHER_KEY))).await;
    assert_eq!(found.verdict, Verdict::Broken, "{found:?}");
    assert!(found.violations[0].problem.contains("a key that the shop does not have"), "{found:?}");
    let found = forged.finding(&Keys::load(&settings(""))).await;
    assert_eq!(found.verdict, Verdict::Holds, "{found:?}");
    assert!(found.notes[0].contains("RECEIPT_KEY is not set"), "{found:?}");
}
