//! Each service as a process, with the test run's PostgreSQL, Redis and Kafka.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use operations::registry::SERVICES;
use platform::{config::Settings, grpc::Peer, server::service::Service};
use rustix::process::Signal;
use sqlx::PgPool;
use tempfile::TempDir;
use testkit::Kafka;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::program::{Program, Variables, shipyard, until_ready};

/// Shared by all tests that do not damage it. Its processes end with the test run.
static SHARED: OnceCell<System> = OnceCell::const_new();

/// The number of single tests' systems that may run beside the shared one. Their processes are busy even without
/// customers: with more systems, calls would exceed their time limits.
static ROOM: Semaphore = Semaphore::const_new(SYSTEMS as usize);
const SYSTEMS: u32 = 3;

/// Logins of operators. None is registered at first.
pub const OPERATORS: [&str; 2] = ["operator", "console-operator"];

pub struct System {
    pub variables: Variables,
    pub directory: TempDir,
    pub kafka: Kafka,
    addresses: HashMap<&'static Service, SocketAddr>,
    programs: HashMap<&'static Service, Program>,
    _room: Option<SemaphorePermit<'static>>,
}

/// Waits until this machine has room for another system.
pub async fn room() -> SemaphorePermit<'static> {
    ROOM.acquire().await.expect("the room stays open")
}

/// Waits until no other test has its own system. None starts while the permit exists.
pub async fn all_room() -> SemaphorePermit<'static> {
    ROOM.acquire_many(SYSTEMS).await.expect("the room stays open")
}

/// A loopback address that no other system of this test run has.
pub fn free_address() -> SocketAddr {
    servers::free_address().expect("a free port")
}

/// The variables of a service's listeners, with free ports; the first API's first.
pub fn listeners(service: &'static Service) -> Variables {
    let second = service.second_api.map(platform::server::service::SecondApi::listen_suffix);
    ["LISTEN"].into_iter().chain(second).map(|suffix| (service.variable(suffix), free_address().to_string())).collect()
}

impl System {
    /// The shared system has a large stock and builds ships in a second or two.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::started(None, &[], None)).await
    }

    /// Starts a system for one test.
    pub async fn start() -> Self {
        Self::start_with(None, &[]).await
    }

    /// Starts a system for one test with the additional variables `more`, and with its databases on the server at the
    /// URL `postgres`, if there is one.
    pub async fn start_with(postgres: Option<&str>, more: &[(&str, &str)]) -> Self {
        let room = room().await;
        Self::started(postgres, more, Some(room)).await
    }

    async fn started(postgres: Option<&str>, more: &[(&str, &str)], room: Option<SemaphorePermit<'static>>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let redis = testkit::redis().await;
        let kafka = testkit::kafka().await;
        let mut variables: Variables =
            kafka.settings().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut addresses = HashMap::new();
        for service in SERVICES {
            let own = listeners(service);
            if service.database.is_some() {
                let url = match postgres {
                    Some(server) => servers::postgres::ensure_database(server, service.name).await.expect("a database"),
                    None => testkit::empty_database().await.url,
                };
                variables.push((service.variable("DATABASE_URL"), url));
            }
            let (_, called_at) = own.iter().find(|(name, _)| *name == service.called_at()).expect("it listens");
            variables.push((service.variable("ADDRESS"), called_at.clone()));
            // The console and operations call the first API of order, HTTP.
            variables.push((service.variable("HTTP_ADDRESS"), own[0].1.clone()));
            let address = own[0].1.parse().expect("an address");
            variables.extend(own);
            variables.push((service.variable("ADMIN_LISTEN"), free_address().to_string()));
            addresses.insert(service, address);
        }
        let rest = [
            ("SERVICE_KEY", testkit::SERVICE_KEY),
            ("SHIPYARD_ENVIRONMENT", "development"),
            ("REDIS_URL", &redis.url),
            ("IAM_REDIS_PREFIX", &kafka.prefix),
            // Cheap password hashing, since tests log in often and at once.
            ("IAM_ARGON2_MEMORY_KIB", "64"),
            ("IAM_ARGON2_ITERATIONS", "1"),
            ("ASSEMBLY_BUILD_MIN", "1s"),
            ("ASSEMBLY_BUILD_MAX", "2s"),
            ("PAYMENT_DECLINE_ABOVE", "50000"),
            ("ORDER_DATABASE_CONNECTIONS", "5"),
            // One customer orders all that there is of a part.
            ("INVENTORY_RESERVATION_MAX_SHARE", "0"),
            ("DELIVERY_DATABASE_CONNECTIONS", "5"),
            ("DELIVERY_OPEN", "true"),
            ("DELIVERY_MOVE_EVERY", "50ms"),
            ("ORDER_CONSOLE_URL", &format!("http://{}/console/", addresses[&console::SERVICE])),
        ];
        variables.extend(rest.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut system = Self { variables, directory, kafka, addresses, programs: HashMap::new(), _room: room };
        for service in SERVICES {
            system.run(service);
        }
        for service in SERVICES {
            system.ready(service).await;
        }
        let restocked = system.shipyard(&["restock", "--quantity", "5000"]).await;
        assert!(restocked.status.success(), "{restocked:?}");
        system
    }

    /// Starts a service's process, which must not be running.
    pub fn run(&mut self, service: &'static Service) {
        let command = shipyard(&["run", service.name], &self.variables, self.directory.path());
        self.programs.insert(service, Program::start(command, &self.log(service)));
    }

    pub async fn ready(&self, service: &'static Service) {
        until_ready(self.variable(&service.variable("ADMIN_LISTEN"))).await;
    }

    /// Sends `kill -9` to a service's process, and waits until it has exited.
    pub async fn kill(&mut self, service: &'static Service) {
        if let Some(program) = self.programs.get_mut(&service) {
            program.kill().await;
        }
    }

    /// Stops all services, and waits until they have exited.
    pub async fn stop(&mut self) {
        for program in self.programs.values() {
            program.signal(Signal::TERM);
        }
        for program in self.programs.values_mut() {
            program.ended().await;
        }
    }

    pub fn address(&self, service: &'static Service) -> SocketAddr {
        self.addresses[&service]
    }

    pub fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(known, _)| known == name);
        let (_, value) = found.unwrap_or_else(|| panic!("{name} is not set"));
        value
    }

    pub fn settings(&self) -> Settings {
        Settings::from_variables(self.variables.iter().map(|(name, value)| (name.as_str(), value.clone())))
    }

    /// Connects to the database of a service, as a user that may change it.
    pub async fn database(&self, service: &Service) -> PgPool {
        PgPool::connect(self.variable(&service.variable("DATABASE_URL"))).await.expect("a database")
    }

    /// A channel to a service, with the identity of another service.
    pub fn peer(&self, service: &'static Service) -> Peer {
        testkit::peer(service.name, self.address(service))
    }

    /// Runs `shipyard` with these arguments, configured for this system.
    pub async fn shipyard(&self, arguments: &[&str]) -> std::process::Output {
        let command = shipyard(arguments, &self.variables, self.directory.path());
        tokio::process::Command::from(command).kill_on_drop(true).output().await.expect("the program runs")
    }

    /// The file with the output of a service's process.
    pub fn log(&self, service: &'static Service) -> PathBuf {
        let path: &Path = self.directory.path();
        path.join(format!("{service}.log"))
    }
}
