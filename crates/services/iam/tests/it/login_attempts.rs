//! The contract suite of `LoginAttempts`, run over Redis and the in-memory implementation.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use iam::{
    config::Limits,
    model::LoginAttempt,
    repository::{Decision, Judged, LoginAttempts},
};

use crate::stores::{LIMITS, LONG, attempt, attempts};

async fn begin(attempts: &Arc<dyn LoginAttempts>, login: &str) -> Decision {
    attempts.begin(&attempt(login)).await.unwrap().decision
}

async fn succeed(attempts: &Arc<dyn LoginAttempts>, login: &str) {
    attempts.succeed(&attempt(login), &[], COUNTED, false).await.unwrap();
}

/// The decision on an attempt whose account and address are within all limits.
const COUNTED: Judged = Judged { decision: Decision::Verify, is_crowded: false, is_counted: true };

fn elsewhere(login: &str, number: u8) -> LoginAttempt {
    LoginAttempt { address: Ipv4Addr::new(192, 0, 2, number).into(), ..attempt(login) }
}

fn per_account(window: Duration) -> Limits {
    Limits { iam_address_failures: 0, iam_lockout_window: window, ..LIMITS }
}

#[tokio::test]
async fn of_parallel_attempts_on_an_account_the_allowed_number_is_verified() {
    for (store, attempts) in attempts(per_account(LONG)).await {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..200 {
            let (attempts, login) = (attempts.clone(), if number % 2 == 0 { "ann" } else { "Ann" });
            tasks.spawn(async move { begin(&attempts, login).await });
        }
        let decisions = tasks.join_all().await;

        assert_eq!(decisions.iter().filter(|decision| **decision == Decision::Verify).count(), 3, "{store}");
        assert_eq!(decisions.iter().filter(|decision| **decision == Decision::Locked).count(), 197, "{store}");
        assert_eq!(begin(&attempts, "bob").await, Decision::Verify, "{store}: the other account is not locked");
    }
}

#[tokio::test]
async fn delays_grow() {
    // The first delay is 1/64 of the window.
    let window = Duration::from_millis(64 * 100);
    for (store, attempts) in attempts(per_account(window)).await {
        let mut begun = Instant::now();
        for _ in 0..3 {
            begun = Instant::now();
            assert_eq!(begin(&attempts, "ann").await, Decision::Verify, "{store}");
        }
        for delay in [100, 200, 400] {
            let (next, end) = testkit::eventually(|| async {
                let start = Instant::now();
                (begin(&attempts, "ann").await == Decision::Verify).then(|| (start, Instant::now()))
            })
            .await;

            assert!(end - begun >= Duration::from_millis(delay), "{store}: {:?} instead of {delay} ms", end - begun);
            begun = next;
        }
    }
}

#[tokio::test]
async fn a_count_expires() {
    let window = Duration::from_millis(100);
    for (store, attempts) in attempts(per_account(window)).await {
        for _ in 0..3 {
            let _ = begin(&attempts, "ann").await;
        }

        tokio::time::sleep(window * 3).await;

        for _ in 0..3 {
            let attempt = elsewhere("ann", 1);
            let judged = attempts.begin(&attempt).await.unwrap();
            assert_ne!(judged.decision, Decision::Locked, "{store}");
            attempts.take_back(&attempt, judged).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_attempt_that_was_taken_back_does_not_count() {
    for (store, attempts) in attempts(LIMITS).await {
        for _ in 0..20 {
            let judged = attempts.begin(&attempt("ann")).await.unwrap();
            assert_eq!(judged, COUNTED, "{store}");
            attempts.take_back(&attempt("ann"), judged).await.unwrap();
        }
        for _ in 0..3 {
            assert_eq!(begin(&attempts, "ann").await, Decision::Verify, "{store}");
        }
        assert_eq!(begin(&attempts, "ann").await, Decision::Locked, "{store}");
    }
}

#[tokio::test]
async fn refused_attempts_of_an_address_do_not_lock_an_account() {
    for (store, attempts) in attempts(LIMITS).await {
        for number in 0..5 {
            let _ = begin(&attempts, &format!("user-{number}")).await;
        }
        assert_eq!(begin(&attempts, "ann").await, Decision::Throttle, "{store}: ann has no failed attempt");
        for _ in 0..20 {
            assert!(matches!(begin(&attempts, "ann").await, Decision::Limited(_)), "{store}");
        }

        assert_eq!(attempts.begin(&elsewhere("ann", 2)).await.unwrap().decision, Decision::Verify, "{store}");
    }
}

#[tokio::test]
async fn throttled_attempts_count_for_their_address_unless_they_succeed() {
    for (store, attempts) in attempts(LIMITS).await {
        for number in 0..5 {
            let _ = begin(&attempts, &format!("user-{number}")).await;
        }
        for number in 0..20 {
            let attempt = attempt(&format!("owner-{number}"));
            let judged = attempts.begin(&attempt).await.unwrap();
            assert_eq!(judged.decision, Decision::Throttle, "{store}: {number}");
            attempts.succeed(&attempt, &[], judged, false).await.unwrap();
        }
        for number in 0..5 {
            assert_eq!(begin(&attempts, &format!("guess-{number}")).await, Decision::Throttle, "{store}: {number}");
        }

        let refused = begin(&attempts, "ann").await;

        assert!(matches!(refused, Decision::Limited(_)), "{store}: {refused:?}");
        assert_eq!(attempts.begin(&elsewhere("ann", 2)).await.unwrap().decision, Decision::Verify, "{store}");
    }
}

#[tokio::test]
async fn a_success_does_not_count_for_its_address() {
    for (store, attempts) in attempts(LIMITS).await {
        for number in 0..20 {
            let login = format!("user-{number}");
            assert_eq!(begin(&attempts, &login).await, Decision::Verify, "{store}: {number}");
            succeed(&attempts, &login).await;
        }
        let wrong = |number| format!("wrong-{number}");
        for number in 0..4 {
            let _ = begin(&attempts, &wrong(number)).await;
        }
        let _ = begin(&attempts, "ann").await;
        succeed(&attempts, "ann").await;
        assert_eq!(begin(&attempts, &wrong(5)).await, Decision::Verify, "{store}: one of five is left");

        let refused = begin(&attempts, &wrong(5)).await;

        assert!(matches!(refused, Decision::Limited(_)), "{store}: a success takes back itself alone, {refused:?}");
    }
}

#[tokio::test]
async fn limits_can_be_disabled() {
    let limits = Limits { iam_lockout_failures: 0, iam_address_failures: 0, iam_address_registrations: 0, ..LIMITS };
    for (store, attempts) in attempts(limits).await {
        for _ in 0..20 {
            assert_eq!(begin(&attempts, "ann").await, Decision::Verify, "{store}");
            assert_eq!(attempts.register(attempt("ann").address).await.unwrap(), None, "{store}");
        }
    }
}
