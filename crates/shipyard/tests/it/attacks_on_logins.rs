//! Attacks by strangers on logins: the store does not fill, other customers are not locked out, and the log does not
//! fill.

use platform::ids;

use crate::{attacks::attack, one_process::Shop};

const ATTACKS: [&str; 4] = ["fill-redis", "token-flood", "spray", "lock-keeper"];
/// How much all refused tokens together may add to the log. Without a bound, each adds about 300 bytes.
const BYTES_OF_TOKENS: usize = 8_192;

#[tokio::test]
async fn attacks_on_logins_fail_no_login_of_other_customers() {
    let redis = testkit::small_redis().await;
    let prefix = format!("attacks:{}:", ids::random());
    let shop = Shop::new()
        .with("REDIS_URL", &redis.url)
        .with("IAM_REDIS_PREFIX", &prefix)
        // Cheap hashing, since this test does not attack it.
        .with("IAM_ARGON2_MEMORY_KIB", "64")
        .with("IAM_ARGON2_ITERATIONS", "1");
    let _program = shop.start_alone().await;

    for row in attack(&shop, &ATTACKS, 0.25, [500, 4_000, 2_100]).await {
        assert!(row.counts.sent > 10, "{row}");
        let (login, create) = (row.ratio_of("login"), row.ratio_of("create"));
        assert!(login.is_some() && create.is_some(), "no login or no order went through: {row}");
    }
    let refused: usize = shop.log().lines().filter(|line| line.contains("token_refused")).map(str::len).sum();
    assert!(refused > 0 && refused < BYTES_OF_TOKENS, "{refused} bytes of refused tokens");
}
