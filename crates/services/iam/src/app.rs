//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc};

use platform::{auth::Guard, health::Readiness, jobs::Job, redis, server::Server};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE,
    api::{self, OwnSessions},
    config::{Config, SessionBackend},
    hashing::Hashing,
    jobs,
    repository::{MemorySessions, PgUsers, RedisSessions, Sessions},
    service::IamService,
};

pub struct App {
    server: Server,
    guard: Guard,
    service: IamService,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, own, hashing, limits, sessions, operators } = config;
        let server = Server::bind(&SERVICE, server).await?;
        let hashing = Hashing::new(&hashing)?;
        let mut jobs = vec![jobs::free_hashing_memory(hashing.clone())];
        let sessions: Arc<dyn Sessions> = match sessions {
            SessionBackend::Redis { url } => {
                let redis = server.redis("REDIS_URL", &url)?;
                let (watched, connected) = (redis.clone(), server.condition("redis"));
                jobs.push(Job::new("redis", |stop| redis::watch(watched, connected, stop)));
                Arc::new(RedisSessions::new(redis, own.iam_redis_prefix, limits))
            }
            SessionBackend::Memory => Arc::new(MemorySessions::new(limits)),
        };
        let users = Arc::new(PgUsers::new(server.database()?));
        let service = IamService::new(users, sessions, hashing, own.iam_session_ttl, operators);
        let guard = server.guard(Arc::new(OwnSessions(service.clone())), api::access);
        Ok(Self { server, guard, service, jobs })
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
        let mut tasks = self.server.start(&stop).await?.serve_grpc(api::services(self.service), self.guard);
        tasks.jobs(self.jobs);
        tasks.join().await
    }
}
