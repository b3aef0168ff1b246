//! The contract suite of locks that do not affect known devices, run over Redis and the in-memory implementation.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use iam::{
    config::Limits,
    model::{DeviceDigest, LoginAttempt, Origin},
    repository::{Decision, LoginAttempts},
};
use platform::clock;

use crate::stores::{LIMITS, LONG, ann, attempt, attempts, users};

fn device(name: &str) -> DeviceDigest {
    name.to_owned().into()
}

/// Returns an attempt on ann's account from this address, with this origin.
fn from(address: u8, origin: Origin) -> LoginAttempt {
    LoginAttempt { address: Ipv4Addr::new(192, 0, 2, address).into(), origin, ..attempt("ann") }
}

fn known() -> LoginAttempt {
    from(1, Origin::KnownDevice(device("desk")))
}

fn stranger() -> LoginAttempt {
    from(2, Origin::NewDevice)
}

/// The window of [`slow`]. It is longer than the delay between two attempts of a test.
const WINDOW: Duration = Duration::from_millis(400);

/// Returns limits without delays: only the number of attempts in a row locks an account or a device.
fn slow(total: u32) -> Limits {
    let limits = Limits { iam_address_failures: 0, iam_lockout_total: total, ..LIMITS };
    Limits { iam_lockout_failures: 100, iam_lockout_window: WINDOW, ..limits }
}

async fn begin(attempts: &Arc<dyn LoginAttempts>, attempt: &LoginAttempt) -> Decision {
    attempts.begin(attempt).await.unwrap().decision
}

#[tokio::test]
async fn attempts_from_a_known_device_have_a_count_of_their_own() {
    let limits = Limits { iam_address_failures: 0, ..LIMITS };
    for (store, attempts) in attempts(limits).await {
        for _ in 0..3 {
            assert_eq!(begin(&attempts, &known()).await, Decision::Verify, "{store}");
        }

        assert_eq!(begin(&attempts, &known()).await, Decision::Locked, "{store}");
        assert_eq!(begin(&attempts, &stranger()).await, Decision::Verify, "{store}");
    }
}

#[tokio::test]
async fn slow_guesses_lock_an_account_until_a_known_device_or_an_operator_unlocks_it() {
    for (store, attempts) in attempts(slow(7)).await {
        let guess = async || begin(&attempts, &stranger()).await;
        let lock = async || {
            for number in 0..7 {
                // From the fifth on, attempts are remembered for longer than the window.
                if number > 4 {
                    tokio::time::sleep(WINDOW * 2).await;
                }
                assert_eq!(guess().await, Decision::Verify, "{store}: {number}");
            }
            tokio::time::sleep(WINDOW * 2).await;
            assert_eq!(guess().await, Decision::Locked, "{store}");
        };

        lock().await;
        attempts.unlock("Ann", &[]).await.unwrap();
        lock().await;

        let judged = attempts.begin(&known()).await.unwrap();
        attempts.succeed(&known(), &[], judged, false).await.unwrap();
        assert_eq!(guess().await, Decision::Verify, "{store}: after the known device");
    }
}

#[tokio::test]
async fn a_locked_device_is_unlocked_by_an_operator_or_by_a_login_from_another_known_device() {
    let (devices, other) = ([device("desk"), device("phone")], from(3, Origin::KnownDevice(device("phone"))));
    for (store, attempts) in attempts(slow(4)).await {
        let lock = async || {
            for _ in 0..4 {
                assert_eq!(begin(&attempts, &known()).await, Decision::Verify, "{store}");
            }
            tokio::time::sleep(WINDOW * 2).await;
            assert_eq!(begin(&attempts, &known()).await, Decision::Locked, "{store}");
        };

        lock().await;
        attempts.unlock("Ann", &devices).await.unwrap();
        lock().await;
        let judged = attempts.begin(&other).await.unwrap();
        attempts.succeed(&other, &devices, judged, false).await.unwrap();

        assert_eq!(begin(&attempts, &known()).await, Decision::Verify, "{store}");
    }
}

#[tokio::test]
async fn slow_guesses_of_a_login_without_an_account_are_forgotten() {
    let window = Duration::from_millis(2);
    let limits = Limits { iam_address_failures: 0, iam_lockout_window: window, iam_lockout_total: 5, ..LIMITS };
    for (store, attempts) in attempts(limits).await {
        for _ in 0..8 {
            assert_eq!(begin(&attempts, &from(2, Origin::NoAccount)).await, Decision::Verify, "{store}");
            // A count is kept for a window after the last attempt or delay.
            tokio::time::sleep(window * 4).await;
        }
    }
}

#[tokio::test]
async fn the_lock_of_an_address_concerns_neither_known_devices_nor_accounts_without_failed_attempts() {
    for (store, attempts) in attempts(LIMITS).await {
        let (spray, address) = (async |login: &str| begin(&attempts, &attempt(login)).await, attempt("ann").address);
        for number in 0..5 {
            assert_eq!(spray(&format!("user-{number}")).await, Decision::Verify, "{store}");
        }
        let limited = spray("user-0").await;
        assert!(matches!(limited, Decision::Limited(left) if left <= LONG / 64), "{store}: it has a failed attempt");

        let known = LoginAttempt { address, ..known() };
        let judged = attempts.begin(&known).await.unwrap();
        assert_eq!((judged.decision, judged.is_counted), (Decision::Verify, false), "{store}");
        attempts.succeed(&known, &[], judged, false).await.unwrap();
        assert_eq!(spray("bob").await, Decision::Throttle, "{store}");
        assert!(matches!(spray("bob").await, Decision::Limited(_)), "{store}: now it has a failed attempt");
        assert!(matches!(spray("user-0").await, Decision::Limited(_)), "{store}: the success takes back nothing");
    }
}

#[tokio::test]
async fn successful_logins_of_an_account_are_limited() {
    let limits = Limits { iam_account_logins: 3, ..LIMITS };
    for (store, attempts) in attempts(limits).await {
        for _ in 0..3 {
            let judged = attempts.begin(&known()).await.unwrap();
            assert_eq!(judged.decision, Decision::Verify, "{store}");
            attempts.succeed(&known(), &[], judged, false).await.unwrap();
        }

        let decision = begin(&attempts, &known()).await;

        assert!(matches!(decision, Decision::Busy(left) if left <= LONG / 64), "{store}: {decision:?}");
        assert_eq!(begin(&attempts, &attempt("bob")).await, Decision::Verify, "{store}");
    }
}

#[tokio::test]
async fn logins_and_registrations_of_new_accounts_from_an_address_are_limited() {
    let limits = Limits { iam_address_new_accounts: 3, iam_address_registrations: 0, ..LIMITS };
    for (store, attempts) in attempts(limits).await {
        for number in 0..3 {
            let attempt = attempt(&format!("user-{number}"));
            let judged = attempts.begin(&attempt).await.unwrap();
            assert!(!judged.is_crowded, "{store}");
            attempts.succeed(&attempt, &[], judged, true).await.unwrap();
            assert_eq!(attempts.register(attempt.address).await.unwrap(), None, "{store}");
        }

        assert!(attempts.begin(&attempt("bob")).await.unwrap().is_crowded, "{store}");
        assert!(attempts.register(attempt("bob").address).await.unwrap().is_some(), "{store}");
        assert!(!attempts.begin(&stranger()).await.unwrap().is_crowded, "{store}: another address");
    }
}

#[tokio::test]
async fn the_latest_devices_of_an_account_are_known_for_a_month() {
    let users = users().await;
    let (ann, now) = (ann(), clock::now());
    users.register(&ann, "hash").await.unwrap();
    let devices = async |at| users.by_login("ann", at).await.unwrap().unwrap().devices.len();

    for number in 0..12 {
        let at = now + Duration::from_secs(number);
        users.remember_device(ann.id, &device(&format!("device-{number}")), at).await.unwrap();
    }
    users.remember_device(ann.id, &device("device-11"), now + Duration::from_secs(20)).await.unwrap();

    let known = users.by_login("ann", now).await.unwrap().unwrap().devices;
    let mut known: Vec<_> = known.iter().map(|(device, _)| device.to_string()).collect();
    known.sort();
    let expected = ["10", "11", "4", "5", "6", "7", "8", "9"].map(|number| format!("device-{number}"));
    assert_eq!(known, expected);
    assert_eq!(devices(now + Duration::from_hours(24 * 29)).await, 8);
    assert_eq!(devices(now + Duration::from_hours(24 * 31)).await, 0);
    assert_eq!(users.find(ann.id).await.unwrap(), Some(ann), "the user has not changed");
}
