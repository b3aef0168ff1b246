//! The contract suite of the limits of sessions, of their list, and of the copy of user data, run over Redis and in
//! memory.

use std::time::Duration;

use iam::{
    config::SessionBounds,
    model::{Owner, Session, TokenId, User},
    repository::{Admission, Lookup},
};

use crate::stores::{BOUNDS, LONG, MAX_SESSIONS, ann, bounded_sessions, found, open_all, session, sessions, user};

#[tokio::test]
async fn one_login_too_many_ends_the_oldest_session() {
    for (store, sessions) in sessions().await {
        let (ann, bob) = (ann(), user("bob", "bob@example.com"));
        let bobs = session(&bob, LONG);
        let _ = sessions.open(&bobs, 3).await.unwrap();
        let mut opened = Vec::new();
        for _ in 0..5 {
            let session = session(&ann, LONG);
            assert_eq!(sessions.open(&session, 3).await.unwrap(), Admission::Granted, "{store}");
            opened.push(session.id);
        }
        // The same call is retried, as after a lost connection, and changes nothing.
        let last = Session { id: opened[4], ..session(&ann, LONG) };
        let _ = sessions.open(&last, 3).await.unwrap();

        let mut living = Vec::new();
        for id in &opened {
            living.push(found(&sessions, *id).await.is_some());
        }

        assert_eq!(living, [false, false, true, true, true], "{store}");
        assert_eq!(sessions.list(ann.id).await.unwrap().len(), 3, "{store}");
        assert!(found(&sessions, bobs.id).await.is_some(), "{store}: another user's sessions stay");
    }
}

#[tokio::test]
async fn an_unused_session_ends_and_one_that_is_used_itself_or_by_its_token_lives() {
    let bounds = SessionBounds { iam_session_idle: Some(Duration::from_secs(1)), ..BOUNDS };
    for (store, sessions) in bounded_sessions(bounds).await {
        let ann = ann();
        let (used, by_token, unused) = (session(&ann, LONG), session(&ann, LONG), session(&ann, LONG));
        let (of_used, of_unused) = (TokenId::from_bits(1), TokenId::from_bits(2));
        open_all(&sessions, [&used, &by_token, &unused]).await;
        for (session, token) in [(&by_token, of_used), (&unused, of_unused)] {
            assert!(sessions.add_token(session.id, token, LONG, 8).await.unwrap(), "{store}");
        }

        testkit::eventually(|| async {
            let alive = sessions.find_all(&[used.id.into(), of_used.into()]).await.unwrap();
            assert!(!alive.contains(&Lookup::Ended), "{store}: {alive:?}");
            (sessions.list(ann.id).await.unwrap().len() == 2).then_some(())
        })
        .await;

        let ended = sessions.find_all(&[unused.id.into(), of_unused.into()]).await.unwrap();
        assert_eq!(ended, [Lookup::Ended, Lookup::Ended], "{store}");
    }
}

#[tokio::test]
async fn the_list_shows_a_users_sessions_and_one_of_them_is_ended() {
    for (store, sessions) in sessions().await {
        let (ann, bob) = (ann(), user("bob", "bob@example.com"));
        let (first, bobs) = (session(&ann, LONG), session(&bob, LONG));
        let second = Session { created_at: first.created_at + Duration::from_secs(1), ..session(&ann, LONG) };
        open_all(&sessions, [&first, &second, &bobs]).await;

        let list = sessions.list(ann.id).await.unwrap();
        let of_bob = sessions.end(bob.id, &first.id.digest().short()).await.unwrap();
        let ended = sessions.end(ann.id, &first.id.digest().short()).await.unwrap();
        let again = sessions.end(ann.id, &first.id.digest().short()).await.unwrap();

        let shown: Vec<_> = list.iter().map(|one| (one.id.clone(), one.created_at, one.expires_at)).collect();
        let expected = [&second, &first].map(|one| (one.id.digest().short(), one.created_at, one.expires_at));
        assert_eq!(shown, expected, "{store}: the newest first");
        assert!(list.iter().all(|one| (one.used_at - one.created_at).abs() < chrono::TimeDelta::minutes(5)), "{store}");
        assert_eq!((of_bob, ended, again), (false, true, false), "{store}");
        assert_eq!(sessions.find(first.id).await.unwrap(), Lookup::Ended, "{store}");
        assert!(found(&sessions, second.id).await.is_some(), "{store}");
        assert_eq!(sessions.list(ann.id).await.unwrap().len(), 1, "{store}");
    }
}

/// Returns the user with a time of change `seconds` later.
fn later(user: &User, seconds: u64) -> User {
    User { updated_at: user.updated_at + Duration::from_secs(seconds), ..user.clone() }
}

#[tokio::test]
async fn data_of_a_user_are_shown_new_or_not_at_all_once_a_change_began() {
    for (store, sessions) in sessions().await {
        let ann = ann();
        let (one, other) = (session(&ann, LONG), session(&ann, LONG));
        let changed = later(&ann, 1);
        open_all(&sessions, [&one, &other]).await;
        let owner = |user: &User| Some(Owner::from(user));
        let shown = async |id| match sessions.find(id).await.unwrap() {
            Lookup::Found(session) => Some(session.owner),
            Lookup::WithoutOwner(times) => {
                assert_eq!(times.user, ann.id, "{store}");
                None
            }
            Lookup::Ended => panic!("{store}: the session has ended"),
        };

        sessions.begin_change(ann.id).await.unwrap();
        assert_eq!(shown(one.id).await, None, "{store}: it is being changed");
        // A request and a login that read the old data reach the session store late.
        sessions.restore(&(&ann).into()).await.unwrap();
        let _ = sessions.open(&session(&ann, LONG), MAX_SESSIONS).await.unwrap();
        assert_eq!(shown(one.id).await, None, "{store}: it is still being changed");
        sessions.refresh(&(&changed).into()).await.unwrap();
        assert_eq!(shown(one.id).await, owner(&changed), "{store}");
        assert_eq!(shown(other.id).await, owner(&changed), "{store}: there is one copy");
        sessions.restore(&(&ann).into()).await.unwrap();
        let _ = sessions.open(&session(&ann, LONG), MAX_SESSIONS).await.unwrap();
        assert_eq!(shown(one.id).await, owner(&changed), "{store}: older data do not replace newer ones");
    }
}

#[tokio::test]
async fn of_two_changes_of_a_user_the_newer_one_stays_if_the_older_one_comes_last() {
    for (store, sessions) in sessions().await {
        let ann = ann();
        let open = session(&ann, LONG);
        let (older, newer) = (Owner::from(&later(&ann, 1)), Owner::from(&later(&ann, 2)));
        let _ = sessions.open(&open, MAX_SESSIONS).await.unwrap();
        for _ in 0..2 {
            sessions.begin_change(ann.id).await.unwrap();
        }

        sessions.refresh(&newer).await.unwrap();
        sessions.refresh(&older).await.unwrap();

        let shown = found(&sessions, open.id).await.map(|session| session.owner);
        assert_eq!(shown, Some(newer), "{store}");
    }
}

#[tokio::test]
async fn no_data_are_kept_of_a_user_without_a_session() {
    for (store, sessions) in sessions().await {
        let ann = ann();
        sessions.refresh(&(&ann).into()).await.unwrap();
        let late = session(&ann, LONG);
        let _ = sessions.open(&late, MAX_SESSIONS).await.unwrap();

        sessions.close_all(ann.id).await.unwrap();
        sessions.restore(&(&ann).into()).await.unwrap();

        assert_eq!(sessions.find(late.id).await.unwrap(), Lookup::Ended, "{store}");
        assert!(sessions.list(ann.id).await.unwrap().is_empty(), "{store}");
    }
}
