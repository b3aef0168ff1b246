//! Finds users of an older version whose logins, or e-mail addresses, differ in spelling alone.

use contracts::ids::UserId;
use iam::repository::collisions;
use platform::config::Settings;

use super::{Finding, PATIENCE, Verdict};

/// The most collisions that are shown.
const SHOWN: i64 = 20;

/// Returns one finding per collision. Returns none if iam's database is not configured, or does not have these columns
/// yet.
pub async fn find(settings: &Settings) -> Vec<Finding> {
    let Ok(pool) = iam::SERVICE.pool("shipyard-doctor", 1, settings) else { return Vec::new() };
    let found = tokio::time::timeout(PATIENCE, collisions(&pool, SHOWN)).await;
    pool.close().await;
    let found = found.map(Result::unwrap_or_default).unwrap_or_default();
    let findings = found.into_iter().map(|collision| {
        let users: Vec<_> = collision.users.iter().map(UserId::to_string).collect();
        let remedy = match collision.field.as_str() {
            "login" => "they log in by the exact spelling of their logins; rename or remove all but one",
            _ => "change the address of all but one",
        };
        Finding {
            what: "Users".to_owned(),
            verdict: Verdict::Optional(remedy.to_owned()),
            found: format!("the same {} in several spellings: {}", collision.field, users.join(", ")),
        }
    });
    findings.collect()
}
