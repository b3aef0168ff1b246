//! Tests of calls whose connection breaks or whose peer does not respond.

use std::time::{Duration, Instant};

use contracts::identity::GrpcSessions;
use futures::future::join_all;
use platform::auth::{Credential, MAX_TOKEN, SessionError, Sessions as _, User};
use stand_ins::Proxy;
use testkit::{Iam, eventually};
use uuid::Uuid;

/// A client of session lookups, over a network that a test can break.
struct Fixture {
    proxy: Proxy,
    sessions: GrpcSessions,
    session: Credential,
    user: User,
    _iam: Iam,
}

async fn fixture() -> Fixture {
    let iam = testkit::iam().await;
    let user = User::plain(Uuid::from_u128(1));
    let session = Credential::Session(iam.session(user.uuid));
    let proxy = Proxy::to(iam.address).await.expect("a proxy before the stand-in for iam");
    let sessions = GrpcSessions::new(testkit::peer("iam", proxy.address()));
    Fixture { proxy, sessions, session, user, _iam: iam }
}

#[tokio::test]
async fn a_channel_whose_bytes_are_dropped_is_replaced_within_five_seconds() {
    let Fixture { proxy, sessions, session, user, _iam } = fixture().await;
    assert_eq!(sessions.owner(&session).await, Ok(user));

    proxy.blackhole();
    let start = Instant::now();
    while tokio::time::timeout(Duration::from_secs(1), sessions.owner(&session)).await != Ok(Ok(user)) {}

    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_connection_that_is_lost_with_many_calls_on_it_does_not_open_the_circuit_breaker() {
    let Fixture { proxy, sessions, session, user, _iam } = fixture().await;
    assert_eq!(sessions.owner(&session).await, Ok(user));

    proxy.blackhole();
    let lost = join_all((0..100).map(|_| sessions.owner(&session))).await;

    // The retry budget covers only some of the lost calls. None fails after the connection has been replaced.
    assert!(lost.contains(&Err(SessionError::Unavailable)), "{lost:?}");
    assert_eq!(sessions.owner(&session).await, Ok(user));
}

#[tokio::test]
async fn a_peer_that_hangs_is_not_called_for_a_while_and_heard_again_soon_after_it_is_back() {
    let Fixture { proxy, sessions, session, user, _iam } = fixture().await;
    assert_eq!(sessions.owner(&session).await, Ok(user));

    proxy.hang();
    let hung = join_all((0..10).map(|_| sessions.owner(&session))).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = proxy.asked();
    let begun = Instant::now();
    let refused = tokio::time::timeout(Duration::from_secs(1), async {
        for _ in 0..100 {
            // An unavailable iam must never let a request pass.
            assert_eq!(sessions.owner(&session).await, Err(SessionError::Unavailable));
        }
    });
    assert!(refused.await.is_ok(), "a hundred calls take more than a second");
    println!("a refusal took {:?}", begun.elapsed() / 100);
    // A health check takes some hundred bytes; a hundred calls would take more than ten thousand.
    let bytes = proxy.asked() - asked;
    assert!(bytes < 2_000, "calls were made while the breaker was open: {bytes} bytes");
    proxy.restore();
    let restored = Instant::now();
    eventually(async || sessions.owner(&session).await.ok()).await;

    assert!(hung.iter().all(|owner| *owner == Err(SessionError::Unavailable)), "{hung:?}");
    assert!(restored.elapsed() < Duration::from_millis(1_500), "it took {:?}", restored.elapsed());
}

#[tokio::test]
async fn a_session_that_is_too_large_for_a_message_fails_no_other_look_up() {
    let Fixture { sessions, session, user, proxy: _proxy, _iam } = fixture().await;
    let other = |id: &str| Credential::Session(id.to_owned());
    let (large, ended) = (other(&"x".repeat(300_000)), other(&Uuid::from_u128(7).to_string()));

    let found = sessions.owners(&[large, session, ended, other("no uuid")]).await;

    assert_eq!(found, [Err(SessionError::Invalid), Ok(user), Err(SessionError::Invalid), Err(SessionError::Invalid)]);
    assert_eq!(sessions.owners(&[other("no uuid")]).await, [Err(SessionError::Invalid)]);
}

#[tokio::test]
async fn tokens_that_do_not_fit_into_one_message_are_looked_up_with_several() {
    let Fixture { sessions, session, user, proxy: _proxy, _iam: iam } = fixture().await;
    let known = Credential::Token(iam.token(user.uuid));
    let unknown = |number: usize| Credential::Token(format!("{number}{}", "x".repeat(MAX_TOKEN - 3)));
    let asked: Vec<_> = (0..500).map(unknown).chain([session, known]).collect();

    let found = sessions.owners(&asked).await;

    let (unknown, known) = found.split_at(500);
    assert!(unknown.iter().all(|one| *one == Err(SessionError::Invalid)), "{unknown:?}");
    assert_eq!(known, [Ok(user), Ok(user)]);
}
