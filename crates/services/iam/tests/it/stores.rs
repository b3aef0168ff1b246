//! Creates the repositories, in each of their implementations, and test data for them.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::Context as _;
use contracts::ids::UserId;
use iam::{
    config::{Limits, SessionBounds},
    model::{LoginAttempt, OpenSession, Session, SessionId, User, UserInfo},
    repository::{
        Admission, CodeLimit, ContactCodes, LoginAttempts, Lookup, MIGRATIONS, MemoryContactCodes, MemoryLoginAttempts,
        MemorySessions, PgUsers, RedisContactCodes, RedisLoginAttempts, RedisSessions, Sessions,
    },
    service::SessionRules,
    tokens::{AccessTokens, load},
};
use platform::{clock, ids, redis::Connection};

/// A lifetime longer than any test.
pub const LONG: Duration = Duration::from_mins(10);

pub const LIMITS: Limits = Limits {
    iam_lockout_failures: 3,
    iam_lockout_window: LONG,
    iam_lockout_total: 0,
    iam_account_logins: 0,
    iam_address_failures: 5,
    iam_address_registrations: 4,
    iam_address_window: LONG,
    iam_address_new_accounts: 0,
    iam_new_accounts_window: LONG,
};

/// The maximum number of a user's sessions, where a test does not depend on it.
pub const MAX_SESSIONS: u32 = 100;

pub const RULES: SessionRules = SessionRules { ttl: LONG, per_user: MAX_SESSIONS };

pub const BOUNDS: SessionBounds = SessionBounds { iam_sessions_per_user: 100, iam_session_idle: None };

/// Access tokens that are signed with the published key.
pub fn tokens() -> AccessTokens {
    load(&testkit::settings()).unwrap()
}

pub async fn users() -> PgUsers {
    PgUsers::new(testkit::database(&MIGRATIONS).await.pool)
}

pub async fn sessions() -> [(&'static str, Arc<dyn Sessions>); 2] {
    bounded_sessions(BOUNDS).await
}

pub async fn bounded_sessions(bounds: SessionBounds) -> [(&'static str, Arc<dyn Sessions>); 2] {
    let redis = redis_sessions(bounds).await.sessions;
    [("memory", Arc::new(MemorySessions::new(bounds))), ("Redis", Arc::new(redis))]
}

/// Opens these sessions, within the limit of each user.
pub async fn open_all<const N: usize>(sessions: &Arc<dyn Sessions>, opened: [&Session; N]) {
    for session in opened {
        assert_eq!(sessions.open(session, MAX_SESSIONS).await.unwrap(), Admission::Granted);
    }
}

/// Returns the session with this id, if it has not ended and the session store has its owner.
pub async fn found(sessions: &Arc<dyn Sessions>, id: SessionId) -> Option<OpenSession> {
    match sessions.find(id).await.unwrap() {
        Lookup::Found(session) => Some(session),
        Lookup::WithoutOwner(_) | Lookup::Ended => None,
    }
}

/// Sessions in Redis, the prefix of their keys, and a connection with all rights.
pub struct InRedis {
    pub sessions: RedisSessions,
    pub prefix: String,
    pub raw: redis::aio::MultiplexedConnection,
}

pub async fn redis_sessions(bounds: SessionBounds) -> InRedis {
    let (connection, prefix) = redis().await;
    let server = testkit::redis().await.url;
    let raw = redis::Client::open(server).unwrap().get_multiplexed_async_connection().await.unwrap();
    InRedis { sessions: RedisSessions::new(connection, prefix.clone(), bounds), prefix, raw }
}

pub async fn attempts(limits: Limits) -> [(&'static str, Arc<dyn LoginAttempts>); 2] {
    let (connection, prefix) = redis().await;
    let redis = RedisLoginAttempts::new(connection, prefix, limits.clone());
    [("memory", Arc::new(MemoryLoginAttempts::new(limits))), ("Redis", Arc::new(redis))]
}

pub async fn contact_codes(limit: CodeLimit) -> [(&'static str, Arc<dyn ContactCodes>); 2] {
    let (connection, prefix) = redis().await;
    let redis = RedisContactCodes::new(connection, prefix, limit);
    [("memory", Arc::new(MemoryContactCodes::new(limit))), ("Redis", Arc::new(redis))]
}

pub async fn connection_as_admin() -> Connection {
    let server = testkit::redis().await.url;
    platform::redis::lazy_connection("REDIS_URL", &server.into(), None).unwrap()
}

/// Returns a connection with the rights of iam.
pub async fn connection() -> Connection {
    redis().await.0
}

/// Returns a connection with the rights of iam, and the prefix of its keys.
async fn redis() -> (Connection, String) {
    let prefix = prefix();
    let url = restricted(&testkit::redis().await.url, &prefix).await.expect("a user of Redis can be made");
    (platform::redis::lazy_connection("REDIS_URL", &url.into(), None).unwrap(), prefix)
}

/// Creates a Redis user with the rights that `deploy/redis/start.sh` gives to iam, on keys with this prefix. Returns
/// the user's URL.
async fn restricted(server: &str, prefix: &str) -> anyhow::Result<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../deploy/redis/start.sh");
    let script = std::fs::read_to_string(script)?;
    let value = |name: &str, quote: char| {
        let (_, value) = script.split_once(&format!("\n{name}={quote}")).context("the script sets it")?;
        anyhow::Ok(value.split(quote).next().unwrap_or_default().replace("${prefix}", prefix))
    };
    let rights = format!("{} {}", value("keys", '"')?, value("commands", '\'')?);
    let (user, password) = (ids::random().to_string(), ids::random().to_string());
    let mut connection = redis::Client::open(server)?.get_multiplexed_async_connection().await?;
    redis::cmd("ACL")
        .arg(&["SETUSER", &user, "on", &format!(">{password}")])
        .arg(rights.split_whitespace().collect::<Vec<_>>())
        .exec_async(&mut connection)
        .await?;
    let place = server.rsplit(['/', '@']).find(|part| part.contains(':')).context("a URL has a host and a port")?;
    Ok(format!("redis://{user}:{password}@{place}"))
}

pub fn prefix() -> String {
    format!("test:{}:", ids::random())
}

pub fn user(login: &str, email: &str) -> User {
    let info = UserInfo::new(login.to_owned(), email.to_owned(), Vec::new()).unwrap();
    User::new(UserId::new(ids::ordered()), info, clock::now())
}

pub fn ann() -> User {
    user("ann", "ann@example.com")
}

pub fn session(user: &User, lifetime: Duration) -> Session {
    Session::new(SessionId::from(ids::random()), user.clone(), clock::now(), lifetime)
}

pub fn attempt(login: &str) -> LoginAttempt {
    LoginAttempt::new(login.to_owned(), Ipv4Addr::new(192, 0, 2, 1).into()).unwrap()
}
