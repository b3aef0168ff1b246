//! Tests of outages of PostgreSQL and Redis, and of the recovery.

use std::time::{Duration, Instant};

use platform::{config::Settings, grpc::reason};
use stand_ins::Proxy;
use tonic::Code;

use crate::{
    check::{assert_allowed, check},
    fixture::{Iam, PASSWORD, info, settings, start},
    session_attacks::keys,
};

/// Starts a service that connects to the server in `variable` through a proxy. The proxy can break the connection.
pub async fn behind_proxy(variable: &str) -> (Iam, Proxy) {
    let settings: Settings = settings().await;
    let url = settings.get(variable).unwrap().to_owned();
    let server = url.split_once("://").unwrap().1;
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    let server = server.split('/').next().unwrap();
    let proxy = Proxy::to(server).await.unwrap();
    let through = url.replace(server, &proxy.address().to_string());
    let iam = start(&settings.with([(variable, through)])).await;
    (iam, proxy)
}

async fn not_ready(iam: &Iam, condition: &'static str) {
    testkit::eventually(|| async { iam.readiness.missing().contains(&condition).then_some(()) }).await;
}

#[tokio::test]
async fn without_redis_a_session_is_neither_accepted_nor_rejected() {
    let (iam, redis) = behind_proxy("REDIS_URL").await;
    let (info, user, session) = iam.registered_user().await;

    for break_network in [Proxy::cut, Proxy::hang] {
        // A logout without a response may still take effect, so it uses a separate session.
        let other = iam.login(&info.login, PASSWORD).await.unwrap();
        break_network(&redis);
        for code in [
            iam.whoami(&session).await.map(drop).unwrap_err().code(),
            iam.login(&info.login, PASSWORD).await.map(drop).unwrap_err().code(),
            iam.login(&info.login, "a wrong password").await.map(drop).unwrap_err().code(),
            iam.logout(&other).await.unwrap_err().code(),
            iam.logout_all(&other).await.unwrap_err().code(),
            iam.get_user(Some(&session), &user).await.map(drop).unwrap_err().code(),
            check(&iam, &[("x-session-uuid", &session)]).await.map(drop).unwrap_err().code(),
        ] {
            assert_eq!(code, Code::Unavailable);
        }
        not_ready(&iam, "redis").await;

        redis.restore();
        iam.readiness.ready().await;
        testkit::eventually(|| async { iam.whoami(&session).await.ok() }).await;
    }
}

#[tokio::test]
async fn without_postgres_sessions_still_work_and_the_rest_is_unavailable() {
    let (iam, postgres) = behind_proxy("IAM_DATABASE_URL").await;
    let (known, user, session) = iam.registered_user().await;

    for break_network in [Proxy::cut, Proxy::hang] {
        break_network(&postgres);
        for code in [
            iam.register(&info(), PASSWORD).await.map(drop).unwrap_err().code(),
            iam.login(&known.login, PASSWORD).await.map(drop).unwrap_err().code(),
            iam.get_user(Some(&session), &user).await.map(drop).unwrap_err().code(),
            iam.change_password(&session, PASSWORD, "another good password").await.unwrap_err().code(),
        ] {
            assert_eq!(code, Code::Unavailable);
        }
        let whoami = iam.whoami(&session).await;
        assert!(whoami.is_ok(), "{whoami:?}");
        let checked = check(&iam, &[("x-session-uuid", &session)]).await.unwrap();
        assert_allowed(&checked, &user, Some(&known.login));
        not_ready(&iam, "database").await;

        postgres.restore();
        iam.readiness.ready().await;
        testkit::eventually(|| async { iam.login(&known.login, PASSWORD).await.ok() }).await;
    }
}

#[tokio::test]
async fn a_right_password_whose_change_failed_is_neither_wrong_nor_a_guess() {
    let settings = settings().await.with([("IAM_LOCKOUT_FAILURES", "2".to_owned())]);
    let iam = start(&settings).await;
    let (info, _, session) = iam.registered_user().await;
    let database = iam::SERVICE.pool("test", 1, &settings).unwrap();
    // PostgreSQL fails after the other sessions have ended.
    for statement in [
        "create function fail() returns trigger language plpgsql as \
         $$ begin raise exception 'out of resources' using errcode = '53000'; end $$",
        "create trigger fail before update of password_hash on users for each row execute function fail()",
    ] {
        sqlx::query(statement).execute(&database).await.unwrap();
    }

    let mut refusals = vec![iam.change_password(&session, PASSWORD, "another good password").await.unwrap_err()];
    assert_eq!(refusals[0].message(), "the database is unavailable");
    sqlx::query("drop trigger fail on users").execute(&database).await.unwrap();
    for _ in 0..3 {
        let again = iam.change_password(&session, PASSWORD, "another good password").await.unwrap_err();
        let login = iam.login(&info.login, PASSWORD).await.unwrap_err();
        for status in [&again, &login] {
            assert_eq!(status.message(), "the password is being changed; try again in a minute");
            assert_eq!(reason(status), Some("CREDENTIALS_CHANGING"));
        }
        refusals.extend([again, login]);
    }

    assert!(refusals.iter().all(|status| status.code() == Code::Unavailable), "{refusals:?}");
    assert_eq!(iam.login(&info.login, "a wrong password").await.unwrap_err().code(), Code::Unauthenticated);
    // Deleting the marks has the effect of waiting for a minute.
    let client = redis::Client::open(settings.get("REDIS_URL").unwrap()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let marks = keys(&mut redis, &format!("{}retired:", settings.get("IAM_REDIS_PREFIX").unwrap())).await;
    let ended: usize = redis::cmd("DEL").arg(&marks).query_async(&mut redis).await.unwrap();
    assert_eq!((ended, marks.len()), (1, 1), "{marks:?}");
    iam.login(&info.login, PASSWORD).await.unwrap();
    iam.change_password(&session, PASSWORD, "another good password").await.unwrap();
}

#[tokio::test]
async fn a_caller_is_told_within_half_a_second_that_redis_is_away() {
    let (iam, redis) = behind_proxy("REDIS_URL").await;
    let (_, _, session) = iam.registered_user().await;

    for (fault, break_network) in [("cut", Proxy::cut as fn(&Proxy)), ("hung", Proxy::hang), ("mute", Proxy::mute)] {
        break_network(&redis);
        let start = Instant::now();
        let status = iam.whoami(&session).await.unwrap_err();
        let took = start.elapsed();

        assert_eq!(status.code(), Code::Unavailable, "{fault}");
        eprintln!("Redis {fault}: Unavailable after {took:?}");
        assert!(took < Duration::from_secs(1), "{fault}: {took:?}; half a second, and a slow machine");
        redis.restore();
        iam.readiness.ready().await;
        testkit::eventually(|| async { iam.whoami(&session).await.ok() }).await;
    }
}

#[tokio::test]
async fn without_postgres_the_gateway_gets_the_user_without_the_login_in_time() {
    let (iam, postgres) = behind_proxy("IAM_DATABASE_URL").await;
    let (known, user, session) = iam.registered_user().await;
    // Another replica has never read the user.
    let replica = start(&iam.settings.clone().with([("IAM_LISTEN", "127.0.0.1:0".to_owned())])).await;

    for break_network in [Proxy::cut, Proxy::hang] {
        break_network(&postgres);
        let begun = Instant::now();
        let checked = check(&replica, &[("x-session-uuid", &session)]).await.unwrap();
        let took = begun.elapsed();

        assert_allowed(&checked, &user, None);
        assert!(took < Duration::from_millis(450), "{took:?}; the gateway waits half a second");
        postgres.restore();
        iam.readiness.ready().await;
    }
    testkit::eventually(|| async { replica.whoami(&session).await.ok() }).await;
    let checked = check(&replica, &[("x-session-uuid", &session)]).await.unwrap();
    assert_allowed(&checked, &user, Some(&known.login));
}
