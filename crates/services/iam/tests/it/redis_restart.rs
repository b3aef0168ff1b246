//! Writes that Redis acknowledged outlive the server, with the options and users of the containers.

use std::{sync::Arc, time::Duration};

use iam::{
    config::Limits,
    model::{LoginAttempt, TokenId},
    repository::{Admission, Decision, LoginAttempts, Lookup, RedisLoginAttempts, RedisSessions, Sessions},
};
use platform::{ids, random, redis::lazy_connection};
use testkit::GuardedRedis;

use crate::stores::{BOUNDS, LIMITS, LONG, MAX_SESSIONS, ann, attempt, open_all, session, user};

/// Under these limits, a lock lasts 22 minutes.
const LOCKING: Limits = Limits { iam_address_failures: 0, iam_lockout_window: Duration::from_hours(24), ..LIMITS };

/// Writes with every kind of script, lets `restart` restart the server, and reads back.
async fn outlives(server: &GuardedRedis, restart: impl AsyncFnOnce(&GuardedRedis) -> anyhow::Result<()>) {
    let connection = lazy_connection("REDIS_URL", &server.url.clone().into(), None).unwrap();
    let sessions: Arc<dyn Sessions> = Arc::new(RedisSessions::new(connection.clone(), String::new(), BOUNDS));
    let attempts: Arc<dyn LoginAttempts> = Arc::new(RedisLoginAttempts::new(connection, String::new(), LOCKING));
    let (open, ended, changed) = (session(&ann(), LONG), session(&ann(), LONG), user("bob", "bob@example.com"));
    let (kept, other) = (session(&changed, LONG), session(&changed, LONG));
    open_all(&sessions, [&open, &ended, &kept, &other]).await;
    let tokens: [TokenId; 2] = [TokenId::from_bits(random::secret()), TokenId::from_bits(random::secret())];
    for (session, token) in [&open, &ended].into_iter().zip(tokens) {
        assert!(sessions.add_token(session.id, token, LONG, 8).await.unwrap());
    }
    assert_eq!(sessions.close(ended.id).await.unwrap(), Some(ended.user.id));
    assert_eq!(sessions.close_others(&kept).await.unwrap(), Admission::Granted);
    let guessed = attempt(&ids::random().to_string());
    while decision(&attempts, &guessed).await != Decision::Locked {}

    restart(server).await.unwrap();

    let credentials = [open.id.into(), tokens[0].into(), ended.id.into(), tokens[1].into(), other.id.into()];
    let found = testkit::eventually(|| async { sessions.find_all(&credentials).await.ok() }).await;
    let alive = Lookup::Found((&open).into());
    assert_eq!(found, [alive.clone(), alive, Lookup::Ended, Lookup::Ended, Lookup::Ended]);
    assert!(!matches!(sessions.find(kept.id).await.unwrap(), Lookup::Ended));
    let again = sessions.open(&session(&changed, LONG), MAX_SESSIONS).await.unwrap();
    assert_eq!(again, Admission::Retired, "credentials that were retired open a session");
    assert_eq!(decision(&attempts, &guessed).await, Decision::Locked);
}

async fn decision(attempts: &Arc<dyn LoginAttempts>, attempt: &LoginAttempt) -> Decision {
    attempts.begin(attempt).await.unwrap().decision
}

#[tokio::test]
async fn what_redis_acknowledged_is_there_after_a_restart_and_after_a_kill() {
    let Some(server) = testkit::guarded_redis().await else { return };

    outlives(&server, GuardedRedis::restart).await;
    outlives(&server, GuardedRedis::kill).await;
}
