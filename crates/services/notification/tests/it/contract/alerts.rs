//! The contract of reported alerts, for PostgreSQL and the in-memory implementation.

use std::time::Duration;

use chrono::{DateTime, Utc};
use notification::{
    model::{AlertKey, AlertStatus},
    repository::{Alerts, Claim, MIGRATIONS, MemoryAlerts, PgAlerts},
};
use platform::postgres::Database;

const NEW: Claim = Claim::Ours { unanswered: false };
const DAY: Duration = Duration::from_hours(24);

fn key(fingerprint: &str, status: AlertStatus, seconds: i64) -> AlertKey {
    let starts_at = DateTime::<Utc>::from_timestamp(seconds, 123_456_000).unwrap();
    AlertKey { fingerprint: fingerprint.to_owned(), status, starts_at }
}

#[tokio::test]
async fn memory_gives_a_report_to_one_caller() {
    gives_a_report_to_one_caller(&MemoryAlerts::default()).await;
}

#[tokio::test]
async fn postgres_gives_a_report_to_one_caller() {
    let database = testkit::database(&MIGRATIONS).await;
    gives_a_report_to_one_caller(&PgAlerts::new(database.pool)).await;
}

async fn gives_a_report_to_one_caller(alerts: &dyn Alerts) {
    let firing = key("b", AlertStatus::Firing, 1);
    let resolved = key("b", AlertStatus::Resolved, 1);
    let again = key("b", AlertStatus::Firing, 2);
    let other = key("a", AlertStatus::Firing, 1);

    assert_eq!(alerts.claim(std::slice::from_ref(&firing)).await.unwrap(), [NEW]);
    assert_eq!(alerts.claim(&[firing.clone(), other.clone()]).await.unwrap(), [Claim::Pending, NEW]);
    alerts.sent(std::slice::from_ref(&firing)).await.unwrap();
    alerts.release(&[other.clone(), firing.clone()], false).await.unwrap();

    let all = [other.clone(), firing, resolved, again];
    assert_eq!(alerts.claim(&all).await.unwrap(), [NEW, Claim::Sent, NEW, NEW]);
    alerts.release(std::slice::from_ref(&other), true).await.unwrap();
    let expected = [Claim::Ours { unanswered: true }, Claim::Sent, Claim::Pending, Claim::Pending];
    assert_eq!(alerts.claim(&all).await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn memory_ends_the_claim_of_a_dead_replica() {
    let alerts = MemoryAlerts::default();
    let lost = [key("a", AlertStatus::Firing, 1)];
    alerts.claim(&lost).await.unwrap();

    tokio::time::sleep(Duration::from_secs(14)).await;
    assert_eq!(alerts.claim(&lost).await.unwrap(), [Claim::Pending]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(alerts.claim(&lost).await.unwrap(), [NEW]);
}

#[tokio::test]
async fn postgres_ends_the_claim_of_a_dead_replica() {
    let database = testkit::database(&MIGRATIONS).await;
    let alerts = PgAlerts::new(database.pool.clone());
    let lost = [key("a", AlertStatus::Firing, 1)];
    alerts.claim(&lost).await.unwrap();

    let aged = "update alerts set claimed_until = claimed_until - interval '16 seconds'";
    sqlx::query(aged).execute(&database.pool).await.unwrap();

    assert_eq!(alerts.claim(&lost).await.unwrap(), [NEW]);
    assert_eq!(alerts.claim(&lost).await.unwrap(), [Claim::Pending]);
}

#[tokio::test]
async fn postgres_records_a_report_over_a_new_connection() {
    let database = testkit::database(&MIGRATIONS).await;
    let pool = Database::lazy("test-alerts", "TEST_DATABASE_URL", &database.url.clone().into(), 1).unwrap();
    let alerts = PgAlerts::new(pool);
    let keys = ["a", "b"].map(|fingerprint| key(fingerprint, AlertStatus::Firing, 1));
    let end_connections = async || {
        let ended = "select pg_terminate_backend(pid, 5000) from pg_stat_activity
            where application_name = 'test-alerts' and datname = current_database()";
        assert_eq!(sqlx::query(ended).execute(&database.pool).await.unwrap().rows_affected(), 1);
    };
    alerts.claim(&keys).await.unwrap();

    end_connections().await;
    alerts.sent(&keys[..1]).await.unwrap();
    end_connections().await;
    alerts.release(&keys[1..], true).await.unwrap();

    assert_eq!(alerts.claim(&keys).await.unwrap(), [Claim::Sent, Claim::Ours { unanswered: true }]);
}

#[tokio::test]
async fn postgres_lets_one_of_many_callers_send_a_report() {
    let database = testkit::database(&MIGRATIONS).await;
    let alerts = PgAlerts::new(database.pool);
    let keys = ["a", "b", "c"].map(|fingerprint| key(fingerprint, AlertStatus::Firing, 1));
    let mut reversed = keys.clone();
    reversed.reverse();

    let calls = (0..20).map(|number| alerts.claim(if number % 2 == 0 { &keys } else { &reversed }));
    let claims = futures::future::try_join_all(calls).await.unwrap().concat();

    assert_eq!(claims.iter().filter(|claim| **claim == NEW).count(), 3, "{claims:?}");
}

#[tokio::test(start_paused = true)]
async fn memory_removes_old_reports() {
    let alerts = MemoryAlerts::default();
    alerts.claim(&[key("a", AlertStatus::Firing, 1), key("b", AlertStatus::Firing, 1)]).await.unwrap();
    tokio::time::sleep(DAY * 2).await;
    alerts.claim(&[key("c", AlertStatus::Firing, 1)]).await.unwrap();

    assert_eq!(alerts.remove_old(DAY, 1).await.unwrap(), 1);
    assert_eq!(alerts.remove_old(DAY, 10).await.unwrap(), 1);
    assert_eq!(alerts.remove_old(DAY, 10).await.unwrap(), 0);
}

#[tokio::test]
async fn postgres_removes_old_reports() {
    let database = testkit::database(&MIGRATIONS).await;
    let alerts = PgAlerts::new(database.pool.clone());
    alerts.claim(&[key("a", AlertStatus::Firing, 1), key("b", AlertStatus::Firing, 1)]).await.unwrap();
    sqlx::query("update alerts set created_at = now() - interval '2 days'").execute(&database.pool).await.unwrap();
    alerts.claim(&[key("c", AlertStatus::Firing, 1)]).await.unwrap();

    assert_eq!(alerts.remove_old(DAY, 1).await.unwrap(), 1);
    assert_eq!(alerts.remove_old(DAY, 10).await.unwrap(), 1);
    assert_eq!(alerts.remove_old(DAY, 10).await.unwrap(), 0);
}
