//! The contract suite of tokens in `Sessions`, run over Redis and the in-memory implementation.

use std::{sync::Arc, time::Duration};

use iam::{
    model::{SessionId, TokenId},
    repository::{Lookup, Sessions},
};
use platform::random;

use crate::stores::{LONG, ann, open_all, session, sessions};

const MAX_PER_SESSION: u32 = 8;

async fn lookup(sessions: &Arc<dyn Sessions>, token: TokenId) -> Lookup {
    sessions.find_all(&[token.into()]).await.unwrap().pop().unwrap()
}

async fn add(sessions: &Arc<dyn Sessions>, session: SessionId, token: TokenId) -> bool {
    sessions.add_token(session, token, LONG, MAX_PER_SESSION).await.unwrap()
}

#[tokio::test]
async fn a_tokens_session_ends_in_every_way_with_the_token() {
    for (store, sessions) in sessions().await {
        for way in 0..5 {
            let ann = ann();
            let (kept, ended) = (session(&ann, LONG), session(&ann, LONG));
            open_all(&sessions, [&kept, &ended]).await;
            let (token, kept_token) = (TokenId::from_bits(random::secret()), TokenId::from_bits(random::secret()));
            assert!(add(&sessions, ended.id, token).await && add(&sessions, kept.id, kept_token).await);
            assert_eq!(lookup(&sessions, token).await, Lookup::Found((&ended).into()), "{store} {way}");

            match way {
                0 => drop(sessions.close(ended.id).await.unwrap()),
                1 => assert!(sessions.end(ann.id, &ended.id.digest().short()).await.unwrap()),
                2 => drop(sessions.close_others(&kept).await.unwrap()),
                3 => {
                    // A further login ends the oldest session.
                    let _ = sessions.close(kept.id).await.unwrap();
                    let _ = sessions.open(&session(&ann, LONG), 1).await.unwrap();
                }
                _ => sessions.close_all(ann.id).await.unwrap(),
            }

            assert_eq!(lookup(&sessions, token).await, Lookup::Ended, "{store} {way}");
            assert!(
                !add(&sessions, ended.id, TokenId::from_bits(random::secret())).await,
                "{store} {way}: it has ended"
            );
            let lives = matches!(lookup(&sessions, kept_token).await, Lookup::Found(_) | Lookup::WithoutOwner(_));
            assert_eq!(lives, way < 3, "{store} {way}: the other session");
        }
    }
}

#[tokio::test]
async fn a_further_token_ends_the_oldest_of_its_session_alone() {
    for (store, sessions) in sessions().await {
        let (one, other) = (session(&ann(), LONG), session(&ann(), LONG));
        open_all(&sessions, [&one, &other]).await;
        let others = TokenId::from_bits(100);
        assert!(add(&sessions, other.id, others).await);
        for number in 0..10 {
            assert!(add(&sessions, one.id, TokenId::from_bits(number)).await);
        }
        // The same call is retried, as after a lost connection, and changes nothing.
        assert!(add(&sessions, one.id, TokenId::from_bits(9)).await);

        let mut living = Vec::new();
        for number in 0..10 {
            living.push(lookup(&sessions, TokenId::from_bits(number)).await != Lookup::Ended);
        }

        let expected = [[false; 2].as_slice(), &[true; 8]].concat();
        assert_eq!(living, expected, "{store}");
        assert!(lookup(&sessions, others).await != Lookup::Ended, "{store}: another session's token stays");
        assert!(lookup(&sessions, TokenId::from_bits(9)).await == Lookup::Found((&one).into()), "{store}");
        assert!(sessions.find(one.id).await.unwrap() != Lookup::Ended, "{store}");
    }
}

#[tokio::test]
async fn a_token_ends_after_its_lifetime_and_never_after_its_session() {
    for (store, sessions) in sessions().await {
        let (long, short) = (session(&ann(), LONG), session(&ann(), Duration::from_millis(300)));
        open_all(&sessions, [&long, &short]).await;
        let (brief, of_short) = (TokenId::from_bits(1), TokenId::from_bits(2));
        assert!(
            sessions.add_token(long.id, brief, Duration::from_millis(20), MAX_PER_SESSION).await.unwrap(),
            "{store}"
        );
        assert!(add(&sessions, short.id, of_short).await, "{store}");

        for token in [brief, of_short] {
            testkit::eventually(|| async { (lookup(&sessions, token).await == Lookup::Ended).then_some(()) }).await;
        }
        assert!(sessions.find(long.id).await.unwrap() != Lookup::Ended, "{store}");
    }
}
