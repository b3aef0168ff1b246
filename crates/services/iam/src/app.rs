//! The composition root: builds the service from its configuration and runs it. Only this module names the concrete types of repositories.

use std::{net::SocketAddr, sync::Arc};

use platform::{
    auth::Guard,
    jobs::Job,
    redis::{self, Memory},
    server::{Server, readiness::Readiness},
};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE,
    api::{self, OwnSessions, Settings},
    config::{Config, SessionBackend},
    hashing::Hashing,
    jobs,
    repository::{
        CodeLimit, ContactCodes, LoginAttempts, MemoryContactCodes, MemoryLoginAttempts, MemorySessions, PgUsers,
        RedisContactCodes, RedisLoginAttempts, RedisSessions, Sessions,
    },
    service::{ContactService, IamService, SessionRules},
};

pub struct App {
    server: Server,
    guard: Guard,
    service: IamService,
    contacts: ContactService,
    settings: Settings,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners. It connects to PostgreSQL and Redis later.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, own, hashing: cost, limits, bounds, sessions, operators, proxies, tokens } = config;
        let server = Server::bind(&SERVICE, server).await?;
        if cost.is_weak() {
            tracing::warn!("IAM_ARGON2_MEMORY_KIB and IAM_ARGON2_ITERATIONS are below OWASP's minimum for passwords");
        }
        let hashing = Hashing::new(&cost)?;
        let settings = Settings { proxies, hops: own.iam_trusted_hops, password_min: own.iam_password_min };
        let mut jobs = vec![jobs::free_hashing_memory(hashing.clone())];
        let (codes_limit, memory) = (CodeLimit::default(), Memory::default());
        let rules = SessionRules { ttl: own.iam_session_ttl, per_user: bounds.iam_sessions_per_user };
        let (sessions, attempts, codes): (Arc<dyn Sessions>, Arc<dyn LoginAttempts>, Arc<dyn ContactCodes>) =
            match sessions {
                SessionBackend::Redis { url } => {
                    let redis = server.redis("REDIS_URL", &url)?;
                    let (watched, connected, memory) = (redis.clone(), server.condition("redis"), memory.clone());
                    jobs.push(Job::new("redis", |stop| redis::watch(watched, connected, memory, stop)));
                    let attempts = RedisLoginAttempts::new(redis.clone(), own.iam_redis_prefix.clone(), limits);
                    let codes = RedisContactCodes::new(redis.clone(), own.iam_redis_prefix.clone(), codes_limit);
                    let sessions = RedisSessions::new(redis, own.iam_redis_prefix, bounds);
                    (Arc::new(sessions), Arc::new(attempts), Arc::new(codes))
                }
                SessionBackend::Memory => (
                    Arc::new(MemorySessions::new(bounds)),
                    Arc::new(MemoryLoginAttempts::new(limits)),
                    Arc::new(MemoryContactCodes::new(codes_limit)),
                ),
            };
        let users = Arc::new(PgUsers::new(server.database()?));
        let contacts = ContactService::new(users.clone(), sessions.clone(), codes);
        let service = IamService::new(users, sessions, attempts, hashing, rules, operators, tokens).with_memory(memory);
        let guard = server.guard(Arc::new(OwnSessions(service.clone())), api::RULES);
        Ok(Self { server, guard, service, contacts, settings, jobs })
    }

    /// Returns the listening address, with the port that the system chose if the configured port is 0.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    pub fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    /// Runs the service until `stop` is cancelled or a permanent failure occurs.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let services = api::services(self.service, self.contacts, self.settings);
        let mut tasks = self.server.start(&stop).await?.serve_grpc(services, self.guard);
        tasks.jobs(self.jobs);
        tasks.join().await
    }
}
