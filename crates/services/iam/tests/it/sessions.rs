//! The contract of sessions, for Redis and their in-memory twin.

use std::{net::Ipv4Addr, time::Duration};

use iam::{
    config::Limits,
    model::{LoginAttempt, User},
    repository::Admission,
};

use crate::stores::{LIMITS, LONG, ann, attempt, session, sessions, user};

#[tokio::test]
async fn an_open_session_is_found_until_it_is_closed() {
    for (store, sessions) in sessions(LIMITS).await {
        let session = session(&ann(), LONG);
        assert_eq!(sessions.find(session.id).await.unwrap(), None, "{store}");

        let admission = sessions.open(&session, &attempt("ann")).await.unwrap();
        assert_eq!(admission, Admission::Granted, "{store}");
        assert_eq!(sessions.find(session.id).await.unwrap(), Some(session.clone()), "{store}");

        sessions.close(session.id).await.unwrap();
        sessions.close(session.id).await.unwrap();
        assert_eq!(sessions.find(session.id).await.unwrap(), None, "{store}");
    }
}

#[tokio::test]
async fn a_session_expires() {
    for (_, sessions) in sessions(LIMITS).await {
        let session = session(&ann(), Duration::from_millis(20));
        let _ = sessions.open(&session, &attempt("ann")).await.unwrap();

        testkit::eventually(|| async { sessions.find(session.id).await.unwrap().is_none().then_some(()) }).await;
    }
}

#[tokio::test]
async fn all_sessions_of_one_user_are_closed_together() {
    for (store, sessions) in sessions(LIMITS).await {
        let (ann, bob) = (ann(), user("bob", "bob@example.com"));
        let (first, second, bobs) = (session(&ann, LONG), session(&ann, LONG), session(&bob, LONG));
        for session in [&first, &second, &bobs] {
            let _ = sessions.open(session, &attempt(&session.user.info.login)).await.unwrap();
        }

        sessions.close_all(ann.id).await.unwrap();

        assert_eq!(sessions.find(first.id).await.unwrap(), None, "{store}");
        assert_eq!(sessions.find(second.id).await.unwrap(), None, "{store}");
        assert_eq!(sessions.find(bobs.id).await.unwrap(), Some(bobs), "{store}");
    }
}

#[tokio::test]
async fn a_session_outlives_a_shorter_one_of_the_same_user_and_still_ends_with_all() {
    for (store, sessions) in sessions(LIMITS).await {
        let ann = ann();
        let (long, short) = (session(&ann, LONG), session(&ann, Duration::from_millis(20)));
        for session in [&long, &short] {
            let _ = sessions.open(session, &attempt("ann")).await.unwrap();
        }

        testkit::eventually(|| async { sessions.find(short.id).await.unwrap().is_none().then_some(()) }).await;

        assert_eq!(sessions.find(long.id).await.unwrap(), Some(long.clone()), "{store}");
        sessions.close_all(ann.id).await.unwrap();
        assert_eq!(sessions.find(long.id).await.unwrap(), None, "{store}");
    }
}

#[tokio::test]
async fn all_sessions_but_one_are_closed_and_the_old_credentials_open_none() {
    for (store, sessions) in sessions(LIMITS).await {
        let (ann, bob) = (ann(), user("bob", "bob@example.com"));
        let (kept, other, bobs, late) =
            (session(&ann, LONG), session(&ann, LONG), session(&bob, LONG), session(&ann, LONG));
        for session in [&kept, &other, &bobs] {
            let _ = sessions.open(session, &attempt(&session.user.info.login)).await.unwrap();
        }

        let admission = sessions.close_others(&kept, &attempt("ann")).await.unwrap();
        let too_late = sessions.open(&late, &attempt("ann")).await.unwrap();
        let changed = User { updated_at: ann.updated_at + Duration::from_secs(1), ..ann };
        let new_credentials = sessions.open(&session(&changed, LONG), &attempt("ann")).await.unwrap();

        assert_eq!(
            (admission, too_late, new_credentials),
            (Admission::Granted, Admission::Refused, Admission::Granted),
            "{store}"
        );
        for (session, lives) in [(kept, true), (bobs, true), (other, false), (late, false)] {
            assert_eq!(sessions.find(session.id).await.unwrap().is_some(), lives, "{store}");
        }
    }
}

#[tokio::test]
async fn an_ended_session_closes_no_others() {
    for (store, sessions) in sessions(LIMITS).await {
        let ann = ann();
        let (ended, other) = (session(&ann, LONG), session(&ann, LONG));
        for session in [&ended, &other] {
            let _ = sessions.open(session, &attempt("ann")).await.unwrap();
        }
        sessions.close(ended.id).await.unwrap();

        let admission = sessions.close_others(&ended, &attempt("ann")).await.unwrap();

        assert_eq!(admission, Admission::Refused, "{store}");
        assert!(sessions.find(other.id).await.unwrap().is_some(), "{store}");
    }
}

#[tokio::test]
async fn only_a_live_session_is_updated_and_its_expiry_stays() {
    for (store, sessions) in sessions(LIMITS).await {
        let ann = ann();
        let now = ann.updated_at + Duration::from_secs(1);
        let changed = User { updated_at: now, ..ann.clone() };
        let (live, ended) = (session(&ann, Duration::from_secs(2)), session(&ann, LONG));
        let _ = sessions.open(&live, &attempt("ann")).await.unwrap();

        sessions.update(&live.clone().updated(changed.clone(), now)).await.unwrap();
        sessions.update(&ended.clone().updated(changed.clone(), now)).await.unwrap();

        let found = sessions.find(live.id).await.unwrap().unwrap();
        assert_eq!((found.user, found.updated_at, found.created_at), (changed, now, live.created_at), "{store}");
        assert_eq!(sessions.find(ended.id).await.unwrap(), None, "{store}");
        testkit::eventually(|| async { sessions.find(live.id).await.unwrap().is_none().then_some(()) }).await;
    }
}

#[tokio::test]
async fn a_login_is_locked_out_after_too_many_failures_in_a_row() {
    let limits = Limits { iam_address_failures: 0, ..LIMITS };
    for (store, sessions) in sessions(limits).await {
        let ann = ann();
        let open = async || sessions.open(&session(&ann, LONG), &attempt("ann")).await.unwrap();
        let fail = async || sessions.record_failure(&attempt("ann")).await.unwrap();
        let kept = session(&ann, LONG);
        let _ = sessions.open(&kept, &attempt("ann")).await.unwrap();

        fail().await;
        fail().await;
        assert_eq!(open().await, Admission::Granted, "{store}: two failures are below the limit");
        fail().await;
        fail().await;
        fail().await;

        assert_eq!(open().await, Admission::Refused, "{store}");
        assert_eq!(sessions.close_others(&kept, &attempt("ann")).await.unwrap(), Admission::Refused, "{store}");
        let bob = user("bob", "bob@example.com");
        let other = sessions.open(&session(&bob, LONG), &attempt("bob")).await.unwrap();
        assert_eq!(other, Admission::Granted, "{store}: the other login is not locked out");
    }
}

#[tokio::test]
async fn a_lockout_expires() {
    let limits = Limits { iam_lockout_window: Duration::from_millis(50), ..LIMITS };
    for (_, sessions) in sessions(limits).await {
        let ann = ann();
        for _ in 0..3 {
            sessions.record_failure(&attempt("ann")).await.unwrap();
        }

        testkit::eventually(|| async {
            let admission = sessions.open(&session(&ann, LONG), &attempt("ann")).await.unwrap();
            (admission == Admission::Granted).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_address_is_refused_after_too_many_failures_of_any_login() {
    for (store, sessions) in sessions(LIMITS).await {
        for number in 0..5 {
            let left = sessions.record_failure(&attempt(&format!("user-{number}"))).await.unwrap();
            assert_eq!(left, None, "{store}: failure {number}");
        }

        let left = sessions.record_failure(&attempt("user")).await.unwrap();
        let admission = sessions.open(&session(&ann(), LONG), &attempt("ann")).await.unwrap();
        let elsewhere = LoginAttempt { address: Ipv4Addr::new(192, 0, 2, 2).into(), ..attempt("ann") };

        assert!(left.is_some_and(|left| left <= LONG && left > LONG / 2), "{store}: {left:?}");
        assert!(matches!(admission, Admission::Limited(left) if left <= LONG), "{store}: {admission:?}");
        let admission = sessions.open(&session(&ann(), LONG), &elsewhere).await.unwrap();
        assert_eq!(admission, Admission::Granted, "{store}");
    }
}

#[tokio::test]
async fn limits_can_be_disabled() {
    let limits = Limits { iam_lockout_failures: 0, iam_address_failures: 0, ..LIMITS };
    for (store, sessions) in sessions(limits).await {
        for _ in 0..20 {
            assert_eq!(sessions.record_failure(&attempt("ann")).await.unwrap(), None, "{store}");
        }

        let admission = sessions.open(&session(&ann(), LONG), &attempt("ann")).await.unwrap();

        assert_eq!(admission, Admission::Granted, "{store}");
    }
}
