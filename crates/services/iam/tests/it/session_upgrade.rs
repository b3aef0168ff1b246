//! Tests of sessions that an older version opened, while replicas of that version still run.

use std::sync::Arc;

use iam::{
    model::{Session, User},
    repository::{Lookup, RedisSessions, Sessions},
};
use redis::{AsyncCommands as _, aio::MultiplexedConnection};

use crate::stores::{BOUNDS, InRedis, LONG, MOST, ann, found, redis_sessions, session};

/// Opens a session as an older version does.
async fn open_as_before(redis: &mut MultiplexedConnection, prefix: &str, session: &Session) {
    let value = format!(
        r#"{{"id":"{}","user":{},"created_at":"{}","updated_at":"{}","expires_at":"{}"}}"#,
        session.id,
        serde_json::to_string(&session.user).unwrap(),
        session.created_at.to_rfc3339(),
        session.updated_at.to_rfc3339(),
        session.expires_at.to_rfc3339(),
    );
    let set = format!("{prefix}sessions:{}", session.user.id);
    redis::pipe()
        .cmd("SET")
        .arg(format!("{prefix}session:{}", session.id))
        .arg(value)
        .arg("PX")
        .arg(600_000)
        .cmd("ZADD")
        .arg(&set)
        .arg(session.expires_at.timestamp_millis())
        .arg(session.id.to_string())
        .cmd("PEXPIRE")
        .arg(&set)
        .arg(600_000)
        .exec_async(redis)
        .await
        .unwrap();
}

async fn is_known_to_old(redis: &mut MultiplexedConnection, prefix: &str, session: &Session) -> bool {
    let key = format!("{prefix}session:{}", session.id);
    redis::cmd("EXISTS").arg(key).query_async(redis).await.unwrap()
}

async fn store(change: fn(RedisSessions) -> RedisSessions) -> (Arc<dyn Sessions>, MultiplexedConnection, String) {
    let InRedis { sessions, prefix, raw } = redis_sessions(BOUNDS).await;
    (Arc::new(change(sessions)), raw, prefix)
}

#[tokio::test]
async fn a_session_of_an_older_version_lives_on_both_sides_of_a_rolling_upgrade() {
    let (sessions, mut redis, prefix) = store(|sessions| sessions).await;
    let session = session(&ann(), LONG);
    open_as_before(&mut redis, &prefix, &session).await;

    for _ in 0..2 {
        assert_eq!(found(&sessions, session.id).await, Some((&session).into()));
        assert!(is_known_to_old(&mut redis, &prefix, &session).await);
    }
    let list = sessions.list(session.user.id).await.unwrap();
    assert_eq!(list[0].id, session.id.digest().short());

    sessions.close(session.id).await.unwrap();
    assert!(!is_known_to_old(&mut redis, &prefix, &session).await);
    assert_eq!(sessions.find(session.id).await.unwrap(), Lookup::Ended);
}

#[tokio::test]
async fn after_the_upgrade_a_session_of_an_older_version_moves_when_it_is_used() {
    let (sessions, mut redis, prefix) = store(RedisSessions::rolled_out).await;
    let session = session(&ann(), LONG);
    open_as_before(&mut redis, &prefix, &session).await;

    for _ in 0..2 {
        assert_eq!(found(&sessions, session.id).await, Some((&session).into()));
        assert!(!is_known_to_old(&mut redis, &prefix, &session).await);
    }
    assert_eq!(sessions.list(session.user.id).await.unwrap().len(), 1);
    sessions.close(session.id).await.unwrap();
    assert_eq!(sessions.find(session.id).await.unwrap(), Lookup::Ended);
}

#[tokio::test]
async fn every_way_to_end_sessions_ends_those_of_an_older_version() {
    let (sessions, mut redis, prefix) = store(|sessions| sessions).await;
    let ann = ann();
    let (kept, one, other) = (session(&ann, LONG), session(&ann, LONG), session(&ann, LONG));
    for session in [&kept, &one, &other] {
        open_as_before(&mut redis, &prefix, session).await;
    }

    assert!(sessions.end(ann.id, &one.id.digest().short()).await.unwrap());
    assert_eq!(sessions.find(one.id).await.unwrap(), Lookup::Ended);
    let _ = sessions.close_others(&kept).await.unwrap();
    assert_eq!(sessions.find(other.id).await.unwrap(), Lookup::Ended);
    assert_ne!(sessions.find(kept.id).await.unwrap(), Lookup::Ended);
    sessions.close_all(ann.id).await.unwrap();
    assert_eq!(sessions.find(kept.id).await.unwrap(), Lookup::Ended);
}

#[tokio::test]
async fn a_logout_of_all_at_an_older_replica_ends_new_sessions() {
    let (sessions, mut redis, prefix) = store(|sessions| sessions).await;
    let session = session(&ann(), LONG);
    let _ = sessions.open(&session, MOST).await.unwrap();

    // The script with which the older version ended all sessions of a user.
    let script = "for _, id in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do redis.call('del', ARGV[1] .. id) end \
                  redis.call('del', KEYS[1])";
    let set = format!("{prefix}sessions:{}", session.user.id);
    redis::cmd("EVAL")
        .arg(script)
        .arg(1)
        .arg(set)
        .arg(format!("{prefix}session:"))
        .exec_async(&mut redis)
        .await
        .unwrap();

    assert_eq!(sessions.find(session.id).await.unwrap(), Lookup::Ended);
}

/// Stores a user's data as the version before this one does, with a copy of the user.
async fn store_copy(redis: &mut MultiplexedConnection, prefix: &str, user: &User) {
    let copy = format!(
        r#"{{"version":{},"user":{}}}"#,
        user.updated_at.timestamp_micros(),
        serde_json::to_string(user).unwrap()
    );
    let _: () = redis.set_ex(format!("{prefix}session:user:{}", user.id), copy, 600).await.unwrap();
}

#[tokio::test]
async fn a_copy_of_the_user_that_an_older_version_stored_is_read_during_a_rollout_and_replaced_afterwards() {
    let (sessions, mut redis, prefix) = store(|sessions| sessions).await;
    let ann = ann();
    let session = session(&ann, LONG);
    let _ = sessions.open(&session, MOST).await.unwrap();
    store_copy(&mut redis, &prefix, &ann).await;
    assert_eq!(found(&sessions, session.id).await, Some((&session).into()), "an older replica may need the copy");

    let connection = crate::stores::connection_as_admin().await;
    let sessions: Arc<dyn Sessions> = Arc::new(RedisSessions::new(connection, prefix.clone(), BOUNDS).rolled_out());
    assert_eq!(sessions.find(session.id).await.unwrap(), Lookup::WithoutOwner((&session).into()));
    sessions.restore(&(&ann).into()).await.unwrap();

    assert_eq!(found(&sessions, session.id).await, Some((&session).into()));
    let record: String = redis.get(format!("{prefix}session:user:{}", ann.id)).await.unwrap();
    assert!(!record.contains("ann"), "{record}");
}

/// What the older version decodes.
#[derive(serde::Deserialize)]
struct Copy {
    #[expect(dead_code, reason = "it is only decoded")]
    user: User,
}

#[tokio::test]
async fn an_older_version_reads_the_user_from_the_database() {
    let (sessions, mut redis, prefix) = store(|sessions| sessions).await;
    let ann = ann();
    let session = session(&ann, LONG);
    let _ = sessions.open(&session, MOST).await.unwrap();

    let record: String = redis.get(format!("{prefix}session:user:{}", ann.id)).await.unwrap();

    // The older version decodes a copy of the user, and without one reads the database and stores the copy. So a record must not decode.
    assert!(serde_json::from_str::<Copy>(&record).is_err(), "{record}");
    // Its script compares the versions.
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["version"], ann.updated_at.timestamp_micros());
}
