//! The services as a process each over the run's PostgreSQL, Redis and Kafka.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use operations::services::SERVICES;
use platform::grpc::Peer;
use platform::service::Service;
use rustix::process::Signal;
use tempfile::TempDir;
use testkit::{Kafka, eventually};
use tokio::sync::OnceCell;

use crate::program::{Program, Variables, shipyard};

/// Shared by the tests that do it no harm, so that it is started once. Its processes end with the test run.
static SHARED: OnceCell<System> = OnceCell::const_new();

/// The logins in `IAM_OPERATORS`. None is registered at first.
pub const OPERATORS: [&str; 2] = ["operator", "operator@example.com"];

pub struct System {
    pub variables: Variables,
    pub directory: TempDir,
    pub kafka: Kafka,
    addresses: HashMap<&'static Service, SocketAddr>,
    programs: HashMap<&'static Service, Program>,
}

/// A loopback address that no other system of this test run has.
pub fn free_address() -> SocketAddr {
    chaos::cluster::free_address().expect("a free port")
}

/// The variables of a service's listeners, the first API's first, with free ports.
pub fn listeners(service: &'static Service) -> Variables {
    let second = service.second_api.map(platform::service::SecondApi::listen_suffix);
    ["LISTEN"].into_iter().chain(second).map(|suffix| (service.variable(suffix), free_address().to_string())).collect()
}

impl System {
    /// The system that other tests use too: restocked, ships built in a second or two.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    /// A system of one's own.
    pub async fn start() -> Self {
        Self::start_with(None, &[]).await
    }

    /// A system of one's own with these variables, too, and with its databases in the server that has the URL `postgres`.
    pub async fn start_with(postgres: Option<&str>, more: &[(&str, &str)]) -> Self {
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
            let address = own[0].1.parse().expect("an address");
            variables.extend(own);
            variables.push((service.variable("ADMIN_LISTEN"), free_address().to_string()));
            addresses.insert(service, address);
        }
        let rest = [
            ("SERVICE_KEY", testkit::SERVICE_KEY),
            ("REDIS_URL", &redis.url),
            ("IAM_OPERATORS", &OPERATORS.join(",")),
            ("IAM_REDIS_PREFIX", &kafka.prefix),
            // Tests log in often, and at once.
            ("IAM_ARGON2_MEMORY_KIB", "64"),
            ("IAM_ARGON2_ITERATIONS", "1"),
            ("ASSEMBLY_BUILD_MIN", "1s"),
            ("ASSEMBLY_BUILD_MAX", "2s"),
            ("PAYMENT_DECLINE_ABOVE", "50000"),
            ("ORDER_DATABASE_CONNECTIONS", "5"),
            ("DELIVERY_DATABASE_CONNECTIONS", "5"),
            ("DELIVERY_OPEN", "true"),
            ("DELIVERY_MOVE_EVERY", "50ms"),
        ];
        variables.extend(rest.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut system = Self { variables, directory, kafka, addresses, programs: HashMap::new() };
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

    /// Starts a service's process, which must not run.
    pub fn run(&mut self, service: &'static Service) {
        let command = shipyard(&["run", service.name], &self.variables, self.directory.path());
        self.programs.insert(service, Program::start(command, &self.log(service)));
    }

    /// Returns when a service says that it is ready.
    pub async fn ready(&self, service: &'static Service) {
        eventually(async || {
            let health = self.shipyard(&["run", service.name, "health"]).await;
            health.status.success().then_some(())
        })
        .await;
    }

    /// `kill -9` of a service's process.
    pub async fn kill(&mut self, service: &'static Service) {
        if let Some(program) = self.programs.get_mut(&service) {
            program.kill().await;
        }
    }

    /// Ends all services, and returns when they have ended.
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

    /// A channel to a service; its calls carry the identity of another service.
    pub fn peer(&self, service: &'static Service) -> Peer {
        testkit::peer(service.name, self.address(service))
    }

    /// Runs the program with these arguments, with variables that lead it to this system.
    pub async fn shipyard(&self, arguments: &[&str]) -> std::process::Output {
        let command = shipyard(arguments, &self.variables, self.directory.path());
        tokio::process::Command::from(command).kill_on_drop(true).output().await.expect("the program runs")
    }

    /// What a service's process prints.
    pub fn log(&self, service: &'static Service) -> PathBuf {
        let path: &Path = self.directory.path();
        path.join(format!("{service}.log"))
    }
}
