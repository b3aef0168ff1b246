//! Tests of connections that are not used again, of the path that they share, and of TLS.

use std::future::{pending, ready};

use super::*;

const TIMEOUT: Duration = Duration::from_secs(6);

#[test]
fn a_connection_that_is_old_or_older_than_a_loss_is_not_used_again() {
    let connections = Connections::new(PgConnectOptions::new());
    let made_before = |age| {
        let created = std::time::Instant::now().checked_sub(age).unwrap();
        Metrics { created, ..Metrics::default() }
    };
    let (old, lost) = (made_before(MAX_AGE), made_before(Duration::ZERO));
    assert!(!connections.is_usable(&old) && connections.is_usable(&lost));

    connections.path.is_stale_since(Instant::now());

    assert!(!connections.is_usable(&lost) && connections.is_usable(&made_before(Duration::ZERO)));
}

fn mode(query: &str) -> Result<PgSslMode, ConfigError> {
    let url = format!("postgres://user:secret@host/database{query}");
    strict("EXAMPLE_DATABASE_URL", &url, url.parse().unwrap()).map(|options| options.get_ssl_mode())
}

#[test]
fn a_url_is_plain_where_it_says_nothing_and_encrypted_where_it_says_so() {
    assert!(matches!(mode(""), Ok(PgSslMode::Disable)));
    assert!(matches!(mode("?sslmode=disable"), Ok(PgSslMode::Disable)));
    assert!(matches!(mode("?sslmode=verify-full"), Ok(PgSslMode::VerifyFull)));
    assert!(matches!(mode("?sslmode=require"), Ok(PgSslMode::Require)));
}

#[test]
fn a_mode_that_may_be_plain_in_silence_is_refused_and_so_are_roots_that_cannot_be_read() {
    for query in ["?sslmode=prefer", "?ssl-mode=allow", "?sslmode=verify-full&sslrootcert=/no/such/file"] {
        let error = mode(query).unwrap_err();
        assert_eq!(error.variable, "EXAMPLE_DATABASE_URL");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_ping_ends_nothing_where_another_connection_as_old_has_answered() {
    let (path, made) = (Path::default(), Instant::now());
    tokio::time::advance(Duration::from_secs(1)).await;
    path.ping_sent(Instant::now());
    tokio::time::advance(Duration::from_secs(1)).await;
    let old = Use { made, since: Instant::now() };
    path.answered(old, TIMEOUT, ready(())).await.unwrap();

    path.ping_unanswered();

    let other = tokio::time::timeout(TIMEOUT / 2, path.answered(old, TIMEOUT, pending::<()>())).await;
    assert!(other.is_err(), "it is still waited for");
}

#[tokio::test(start_paused = true)]
async fn connections_older_than_one_that_answers_are_given_up_with_a_silent_ping() {
    let (path, lost) = (Path::default(), Instant::now());
    tokio::time::advance(Duration::from_secs(1)).await;
    let made_after_the_loss = Instant::now();
    tokio::time::advance(Duration::from_secs(1)).await;
    path.ping_sent(Instant::now());
    let new = Use { made: made_after_the_loss, since: Instant::now() };
    path.answered(new, TIMEOUT, ready(())).await.unwrap();

    path.ping_unanswered();

    let old = Use { made: lost, since: Instant::now() };
    let waiting = tokio::time::timeout(TIMEOUT / 2, path.answered(old, TIMEOUT, pending::<()>())).await;
    assert!(waiting.is_ok_and(|response| response.is_err()), "it is still waited for");
    assert!(path.is_stale(lost) && !path.is_stale(made_after_the_loss));
}
