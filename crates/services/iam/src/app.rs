//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use contracts::identity::FOR_USERS;
use outbox::Waker;
use platform::{
    jobs::Job,
    redis::{self, Memory},
    server::{App, Server},
};

use crate::{
    SERVICE,
    api::{self, OwnSessions, Settings},
    client::GrpcOpenOrders,
    config::{Config, SessionBackend},
    hashing::Hashing,
    repository::{
        CodeLimit, ContactCodes, LoginAttempts, MemoryContactCodes, MemoryLoginAttempts, MemorySessions, PgUsers,
        RedisContactCodes, RedisLoginAttempts, RedisSessions, Sessions,
    },
    service::{AccountService, ContactService, IamService, SessionRules},
};

/// Builds the service and binds its listeners. It connects to PostgreSQL, Redis, Kafka and order later.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero();
    let Config { server, messaging, own, hashing: cost, limits, bounds, sessions, proxies, tokens } = config;
    let server = Server::bind(&SERVICE, server).await?;
    if cost.is_weak() {
        tracing::warn!("IAM_ARGON2_MEMORY_KIB and IAM_ARGON2_ITERATIONS are below OWASP's minimum for passwords");
    }
    let hashing = Hashing::new(&cost)?;
    let settings = Settings { proxies, hops: own.iam_trusted_hops, password_min: own.iam_password_min };
    let mut jobs = Vec::new();
    let (codes_limit, memory) = (CodeLimit::default(), Memory::default());
    let rules = SessionRules { ttl: own.iam_session_ttl, per_user: bounds.iam_sessions_per_user };
    let (sessions, attempts, codes): (Arc<dyn Sessions>, Arc<dyn LoginAttempts>, Arc<dyn ContactCodes>) = match sessions
    {
        SessionBackend::Redis { url } => {
            let redis = server.redis("REDIS_URL", &url)?;
            let (watched, connected, memory) = (redis.clone(), server.condition("redis"), memory.clone());
            // It begins like the keys of sessions, so that the Redis user needs no further right.
            let absent = format!("{}session:absent", own.iam_redis_prefix);
            jobs.push(Job::new("redis", |stop| redis::watch(watched, absent, connected, memory, stop)));
            let attempts = RedisLoginAttempts::new(redis.clone(), own.iam_redis_prefix.clone(), limits);
            let codes = RedisContactCodes::new(redis.clone(), own.iam_redis_prefix.clone(), codes_limit);
            let sessions = RedisSessions::new(redis, own.iam_redis_prefix.clone(), bounds);
            (Arc::new(sessions), Arc::new(attempts), Arc::new(codes))
        }
        SessionBackend::Memory => (
            Arc::new(MemorySessions::new(bounds)),
            Arc::new(MemoryLoginAttempts::new(limits)),
            Arc::new(MemoryContactCodes::new(codes_limit)),
        ),
    };
    let users = PgUsers::new(server.database()?);
    let contacts = ContactService::new(users.clone(), sessions.clone(), codes);
    let service = IamService::new(users, sessions, attempts, hashing, rules, tokens).with_memory(memory);
    let waker = Waker::default();
    let orders = Arc::new(GrpcOpenOrders::new(server.peer("order", "ORDER_ADDRESS", &own.order_address)?));
    let accounts = AccountService::new(service.clone(), orders, waker.clone());
    let guard = server.guard(Arc::new(OwnSessions(service.clone())), api::RULES).for_users(FOR_USERS);
    let relay = messaging.relay(&server, &waker)?;
    jobs.push(server.retention(messaging.kafka.effect_retention())?.outbox());
    Ok(App::new(server).grpc(api::services(service, contacts, accounts, settings), guard).jobs(jobs).relay(relay))
}
