//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc};

use platform::{auth::Guard, health::Readiness, jobs::Job, redis, server::Server};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE,
    api::{self, OwnSessions, Settings},
    config::{Config, SessionBackend},
    hashing::Hashing,
    jobs,
    repository::{Attempts, MemoryAttempts, MemorySessions, PgUsers, RedisAttempts, RedisSessions, Sessions},
    service::IamService,
};

pub struct App {
    server: Server,
    guard: Guard,
    service: IamService,
    settings: Settings,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, own, hashing: cost, limits, bounds, sessions, operators, proxies } = config;
        let server = Server::bind(&SERVICE, server).await?;
        if cost.is_weak() {
            tracing::warn!("IAM_ARGON2_MEMORY_KIB and IAM_ARGON2_ITERATIONS are below OWASP's minimum for passwords");
        }
        let hashing = Hashing::new(&cost)?;
        let settings = Settings { proxies, password_min: own.iam_password_min };
        let mut jobs = vec![jobs::free_hashing_memory(hashing.clone())];
        let (sessions, attempts): (Arc<dyn Sessions>, Arc<dyn Attempts>) = match sessions {
            SessionBackend::Redis { url } => {
                let redis = server.redis("REDIS_URL", &url)?;
                let (watched, connected) = (redis.clone(), server.condition("redis"));
                jobs.push(Job::new("redis", |stop| redis::watch(watched, connected, stop)));
                let attempts = RedisAttempts::new(redis.clone(), own.iam_redis_prefix.clone(), limits);
                (Arc::new(RedisSessions::new(redis, own.iam_redis_prefix, bounds)), Arc::new(attempts))
            }
            SessionBackend::Memory => (Arc::new(MemorySessions::new(bounds)), Arc::new(MemoryAttempts::new(limits))),
        };
        jobs.push(jobs::fill_caseless_keys(server.database()?));
        let users = Arc::new(PgUsers::new(server.database()?));
        let service = IamService::new(users, sessions, attempts, hashing, own.iam_session_ttl, operators);
        let guard = server.guard(Arc::new(OwnSessions(service.clone())), api::RULES);
        Ok(Self { server, guard, service, settings, jobs })
    }

    /// The address it listens on, with the port chosen by the system if the configured one is 0.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    pub fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    /// Runs until `stop` or a permanent failure.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut tasks =
            self.server.start(&stop).await?.serve_grpc(api::services(self.service, self.settings), self.guard);
        tasks.jobs(self.jobs);
        tasks.join().await
    }
}
