//! The contract suite of `Sessions`, run over Redis and the in-memory implementation.

use std::time::Duration;

use iam::{
    model::{Owner, User},
    repository::{Admission, Lookup},
};

use crate::stores::{LONG, MAX_SESSIONS, ann, found, open_all, session, sessions, user};

#[tokio::test]
async fn a_session_outlives_a_shorter_one_of_the_same_user_and_still_ends_with_all() {
    for (store, sessions) in sessions().await {
        let ann = ann();
        let (long, short) = (session(&ann, LONG), session(&ann, Duration::from_millis(20)));
        let bobs = session(&user("bob", "bob@example.com"), LONG);
        open_all(&sessions, [&long, &short, &bobs]).await;

        testkit::eventually(|| async { found(&sessions, short.id).await.is_none().then_some(()) }).await;

        assert_eq!(found(&sessions, long.id).await, Some((&long).into()), "{store}");
        sessions.close_all(ann.id).await.unwrap();
        assert_eq!(found(&sessions, long.id).await, None, "{store}");
        assert_eq!(found(&sessions, bobs.id).await, Some((&bobs).into()), "{store}");
    }
}

#[tokio::test]
async fn all_sessions_but_one_are_closed_and_the_old_credentials_open_none() {
    for (store, sessions) in sessions().await {
        let (ann, bob) = (ann(), user("bob", "bob@example.com"));
        let (kept, other, bobs, late) =
            (session(&ann, LONG), session(&ann, LONG), session(&bob, LONG), session(&ann, LONG));
        open_all(&sessions, [&kept, &other, &bobs]).await;

        let admission = sessions.close_others(&kept).await.unwrap();
        let again = sessions.close_others(&kept).await.unwrap();
        let too_late = sessions.open(&late, MAX_SESSIONS).await.unwrap();
        let changed = User { updated_at: ann.updated_at + Duration::from_secs(1), ..ann };
        let new_credentials = sessions.open(&session(&changed, LONG), MAX_SESSIONS).await.unwrap();

        assert_eq!(
            (admission, too_late, new_credentials),
            (Admission::Granted, Admission::Retired, Admission::Granted),
            "{store}"
        );
        assert_eq!(again, Admission::Retired, "{store}: the session is open");
        for (session, lives) in [(kept, true), (bobs, true), (other, false), (late, false)] {
            assert_eq!(sessions.find(session.id).await.unwrap() != Lookup::Ended, lives, "{store}");
        }
    }
}

#[tokio::test]
async fn an_ended_session_closes_no_others() {
    for (store, sessions) in sessions().await {
        let ann = ann();
        let (ended, other) = (session(&ann, LONG), session(&ann, LONG));
        open_all(&sessions, [&ended, &other]).await;
        sessions.close(ended.id).await.unwrap();

        let admission = sessions.close_others(&ended).await.unwrap();

        assert_eq!(admission, Admission::Ended, "{store}");
        assert!(found(&sessions, other.id).await.is_some(), "{store}");
    }
}

#[tokio::test]
async fn only_a_live_session_is_updated_and_its_expiry_stays() {
    for (store, sessions) in sessions().await {
        let ann = ann();
        let now = ann.updated_at + Duration::from_secs(1);
        let changed = User { updated_at: now, ..ann.clone() };
        let (live, ended) = (session(&ann, Duration::from_secs(2)), session(&ann, LONG));
        let _ = sessions.open(&live, MAX_SESSIONS).await.unwrap();

        sessions.update(&live.clone().updated(changed.clone(), now)).await.unwrap();
        sessions.update(&ended.clone().updated(changed.clone(), now)).await.unwrap();

        let live_one = found(&sessions, live.id).await.unwrap();
        assert_eq!(
            (live_one.owner, live_one.times.updated_at, live_one.times.created_at),
            (Owner::from(&changed), now, live.created_at),
            "{store}"
        );
        assert_eq!(found(&sessions, ended.id).await, None, "{store}");
        testkit::eventually(|| async { found(&sessions, live.id).await.is_none().then_some(()) }).await;
    }
}
