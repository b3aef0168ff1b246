//! Tests of wrong passwords, their limits, and password changes.

use platform::ids;
use tonic::Code;

use crate::fixture::{PASSWORD, iam, info, settings, start};

const OTHER: &str = "another good password";

#[tokio::test]
async fn an_unknown_login_a_wrong_password_and_a_lockout_look_the_same() {
    let iam = start(&settings().await.with([("IAM_LOCKOUT_FAILURES", "2".to_owned())])).await;
    let (info, _, session) = iam.registered_user().await;

    let unknown = iam.login("nobody", PASSWORD).await.unwrap_err();
    let wrong = iam.login(&info.login, OTHER).await.unwrap_err();
    let wrong_again = iam.login(&info.login, OTHER).await.unwrap_err();
    let locked_out = iam.login(&info.login, PASSWORD).await.unwrap_err();
    let changed = iam.change_password(&session, PASSWORD, OTHER).await.unwrap_err();

    for status in [unknown, wrong, wrong_again, locked_out, changed] {
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "wrong login or password"));
    }
    assert!(iam.whoami(&session).await.is_ok(), "existing sessions stay");
}

#[tokio::test]
async fn an_address_with_too_many_failures_is_refused() {
    // A long window causes a long first delay.
    let limit = [("IAM_ADDRESS_FAILURES", "3".to_owned()), ("IAM_ADDRESS_WINDOW", "10h".to_owned())];
    let iam = start(&settings().await.with(limit)).await;
    let unused = info();
    iam.register(&unused, PASSWORD).await.unwrap();
    let (info, _, session) = iam.registered_user().await;

    for _ in 0..3 {
        let status = iam.login(&ids::random().to_string(), PASSWORD).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }

    // Each login may be guessed once, slowly.
    assert_eq!(iam.login("nobody", PASSWORD).await.unwrap_err().code(), Code::Unauthenticated);
    let refused = iam.login("nobody", PASSWORD).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::ResourceExhausted, "too many failed attempts from this address")
    );
    assert!(iam.login(&unused.login, PASSWORD).await.is_ok(), "a right password of an account without failures");
    assert!(iam.login(&info.login, PASSWORD).await.is_ok(), "a known device");
    iam.change_password(&session, PASSWORD, OTHER).await.unwrap();
    assert!(iam.login(&info.login, OTHER).await.is_ok(), "still a known device");
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session() {
    let iam = iam().await;
    let (info, user, kept) = iam.registered_user().await;
    let other = iam.login(&info.login, PASSWORD).await.unwrap();

    iam.change_password(&kept, PASSWORD, OTHER).await.unwrap();

    assert_eq!(iam.whoami(&other).await.unwrap_err().code(), Code::Unauthenticated);
    let response = iam.whoami(&kept).await.unwrap();
    let (known, session) = (response.user.unwrap(), response.session.unwrap());
    assert_eq!(known, iam.get_user(Some(&kept), &user).await.unwrap());
    assert_ne!(known.updated_at, known.created_at);
    assert_eq!(session.updated_at, known.updated_at);
    assert_eq!(iam.login(&info.login, PASSWORD).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(iam.login(&info.login, OTHER).await.is_ok());
    iam.change_password(&kept, OTHER, PASSWORD).await.unwrap();
    assert!(iam.login(&info.login, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn changing_a_password_needs_the_session_and_the_old_password() {
    let iam = iam().await;
    let (info, _, session) = iam.registered_user().await;
    let ended = iam.login(&info.login, PASSWORD).await.unwrap();
    iam.logout(&ended).await.unwrap();

    for (session, old, new, code, text) in [
        (&session, OTHER, OTHER, Code::Unauthenticated, "wrong login or password"),
        (&ended, PASSWORD, OTHER, Code::Unauthenticated, "invalid session"),
        (&session, "", OTHER, Code::InvalidArgument, "old_password: "),
        (&session, PASSWORD, "", Code::InvalidArgument, "new_password: "),
        (&session, PASSWORD, "weak", Code::InvalidArgument, "new_password: "),
        (&session, PASSWORD, &info.login, Code::InvalidArgument, "new_password: "),
    ] {
        let status = iam.change_password(session, old, new).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().starts_with(text), "{status}");
    }
    assert!(iam.login(&info.login, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn of_two_concurrent_changes_one_wins() {
    let iam = iam().await;
    let (info, _, session) = iam.registered_user().await;

    let passwords = ["the first new password", "the second new password"];
    let changes = tokio::join!(
        iam.change_password(&session, PASSWORD, passwords[0]),
        iam.change_password(&session, PASSWORD, passwords[1]),
    );

    let done = [changes.0.is_ok(), changes.1.is_ok()];
    assert!(done.contains(&true), "{changes:?}");
    let mut accepted = 0;
    for password in passwords {
        accepted += u32::from(iam.login(&info.login, password).await.is_ok());
    }
    assert_eq!(accepted, 1);
    assert!(iam.login(&info.login, PASSWORD).await.is_err());
}
