//! The composition root, this system's DI container: the one place that knows concrete types.

use std::sync::Arc;

use platform::{
    auth::{Guard, ServiceKey},
    grpc::Services,
    health::{self, Condition, Readiness},
    http,
    postgres::{self, Database},
    redis,
    shutdown::Tasks,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, OwnSessions},
    config::{Config, SessionBackend},
    hashing::Hashing,
    repository::{MIGRATIONS, PgUsers},
    service::IamService,
    sessions::{MemorySessions, RedisSessions, Sessions},
};

pub struct App {
    pool: Database,
    database: Condition,
    /// Absent where sessions are in memory.
    redis: Option<(redis::Connection, Condition)>,
    listener: TcpListener,
    admin: Option<TcpListener>,
    guard: Guard,
    service: IamService,
    hashing: Hashing,
    readiness: Readiness,
}

impl App {
    /// Puts the service together and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let own = config.own;
        let listener = http::bind("IAM_LISTEN", own.iam_listen).await?;
        let admin = http::bind_admin("IAM_ADMIN_LISTEN", own.iam_admin_listen).await?;
        let pool =
            Database::lazy("shipyard-iam", "IAM_DATABASE_URL", &own.iam_database_url, own.iam_database_connections)?;
        let key = ServiceKey::new("iam", &own.service_key)?;
        let readiness = Readiness::new(own.shutdown_drain);
        let hashing = Hashing::new(&config.hashing)?;
        let (sessions, redis): (Arc<dyn Sessions>, _) = match config.sessions {
            SessionBackend::Redis { url } => {
                let redis = redis::lazy_connection("REDIS_URL", &url)?;
                let sessions = RedisSessions::new(redis.clone(), own.iam_redis_prefix, config.limits);
                (Arc::new(sessions), Some((redis, readiness.condition("redis"))))
            }
            SessionBackend::Memory => (Arc::new(MemorySessions::new(config.limits)), None),
        };
        let users = Arc::new(PgUsers::new(pool.clone()));
        let service = IamService::new(users, sessions, hashing.clone(), own.iam_session_ttl);
        Ok(Self {
            database: readiness.condition("database"),
            guard: Guard::new(Arc::new(OwnSessions(service.clone())), key, api::access),
            pool,
            redis,
            listener,
            admin,
            service,
            hashing,
            readiness,
        })
    }

    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Where the service listens, the port that the system chose included.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Runs until `stop` or a failure that no waiting mends.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut tasks = Tasks::new(&stop);
        let open = self.pool.clone();
        tasks.close(async move { open.close().await });
        if let Some(admin) = self.admin {
            let routes = health::admin_routes(vec![self.readiness.clone()]);
            tasks.spawn("admin", |stop| http::serve(admin, routes, Readiness::default(), stop));
        }
        postgres::migrate(&self.pool, &MIGRATIONS, &stop).await?;
        let grpc = Services::new().with(api::auth(self.service.clone())).with(api::user(self.service));
        tasks.serve("grpc", |stop| grpc.serve(self.listener, self.guard, self.readiness, stop));
        tasks.spawn("database", |stop| postgres::watch(self.pool, self.database, stop));
        if let Some((connection, reachable)) = self.redis {
            tasks.spawn("redis", |stop| redis::watch(connection, reachable, stop));
        }
        tasks.spawn("hashing", |stop| self.hashing.tidy(stop));
        tasks.join().await
    }
}
