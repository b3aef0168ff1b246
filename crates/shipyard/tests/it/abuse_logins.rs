//! Attacks by strangers on logins: they fill no store, lock nobody out and displace nothing from the log.

use platform::ids;
use serde_json::Value;

use crate::{abuse::ALONE, one_process::Shop, program::shipyard};

const ATTACKS: &str = "fat-users,fill-redis,token-flood,spray,lock-keeper";
/// What all refused tokens may leave in the log. Without a bound they leave some 300 bytes each.
const BYTES_OF_TOKENS: usize = 8_192;

#[tokio::test]
async fn attacks_on_logins_fail_no_login_of_other_customers() {
    let _alone = ALONE.lock().await;
    let redis = testkit::small_redis().await;
    let prefix = format!("abuse:{}:", ids::random());
    let shop = Shop::new()
        .with("REDIS_URL", &redis.url)
        .with("IAM_REDIS_PREFIX", &prefix)
        // Hashing is not what is attacked.
        .with("IAM_ARGON2_MEMORY_KIB", "64")
        .with("IAM_ARGON2_ITERATIONS", "1");
    let _program = shop.start().await;

    let arguments = ["abuse", "--only", ATTACKS, "--scale", "0.25", "--rate", "20", "--users", "3"];
    let phases = ["--before", "500ms", "--during", "4s", "--after", "2100ms", "--json"];
    let command = shipyard(&[&arguments[..], &phases].concat(), shop.variables(), shop.directory());
    let output = tokio::process::Command::from(command).kill_on_drop(true).output().await.unwrap();

    let complaint = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complaint}"));
    assert!(output.status.success(), "{report:#}");
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), ATTACKS.split(',').count());
    for row in rows {
        assert!(row["sent"].as_u64().unwrap() > 10, "{row}");
    }
    let refused: usize = shop.log().lines().filter(|line| line.contains("token_refused")).map(str::len).sum();
    assert!(refused > 0 && refused < BYTES_OF_TOKENS, "{refused} bytes of refused tokens");
}
