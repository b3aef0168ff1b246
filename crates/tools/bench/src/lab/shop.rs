//! The measured shop: all services in one process like `shipyard up`, or one process each.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use client::{addresses::ShopAddresses, trust::Trust};
use operations::registry::SERVICES;
use platform::{server::service::Service, telemetry::OUTAGES};
use servers::free_addresses;

use super::{Servers, process::Process};
use crate::child;

const STARTUP_TIMEOUT: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Passwords are hashed cheaply, so that many customers can register.
    Usual,
    /// Passwords are hashed at the default cost.
    CostlyPasswords,
    /// As usual, with traces exported to a collector.
    Traced,
}

/// Services in one process, as with `shipyard up`, or in one process each, as in containers.
pub struct Shop {
    processes: Vec<(&'static str, Process)>,
    addresses: ShopAddresses,
    /// The time from the first process's start until all were ready.
    pub ready_after: Duration,
}

impl Shop {
    /// Starts a process for each group of services, with `more` variables. Returns when all are ready.
    pub async fn start(
        program: &Path,
        directory: &Path,
        servers: &Servers,
        groups: &[&[&'static Service]],
        more: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        let addresses = Addresses::find()?;
        let mut variables = common(servers);
        variables.extend(addresses.variables());
        if groups.iter().any(|group| group.len() > 1) {
            variables.push((child::ADMIN.to_owned(), addresses.admin.to_string()));
        }
        variables.extend(more);
        let begun = Instant::now();
        let (mut processes, mut admins) = (Vec::new(), Vec::new());
        for group in groups {
            let (name, admin) = match group {
                [service] => (service.name, addresses.at(&service.variable("ADMIN_LISTEN"))?),
                _ => ("shop", addresses.admin),
            };
            let arguments: Vec<&str> =
                ["bench", "serve"].into_iter().chain(group.iter().map(|service| service.name)).collect();
            processes.push((name, Process::start(program, directory, name, &arguments, &variables)?));
            admins.push(admin);
        }
        for ((name, process), admin) in processes.iter().zip(admins) {
            ready(process, admin).await.with_context(|| format!("starting {name}"))?;
        }
        let ready_after = begun.elapsed();
        let of = |service| addresses.of(service);
        let addresses = shop_addresses(of(&order::SERVICE)?, of(&iam::SERVICE)?, of(&inventory::SERVICE)?);
        Ok(Self { processes, addresses, ready_after })
    }

    /// Returns the shop's addresses for clients.
    pub fn addresses(&self) -> ShopAddresses {
        self.addresses.clone()
    }

    /// Returns the anonymous memory of each process, in MiB.
    pub fn memory(&self) -> anyhow::Result<Vec<(&'static str, f64)>> {
        let of = |(name, process): &(&'static str, Process)| {
            let kib = u32::try_from(process.anonymous_kib()?).context("a service takes terabytes")?;
            Ok((*name, f64::from(kib) / 1024.0))
        };
        self.processes.iter().map(of).collect()
    }

    pub async fn settle(&self) -> anyhow::Result<()> {
        for (_, process) in &self.processes {
            process.settle().await?;
        }
        Ok(())
    }

    pub async fn stop(&self) {
        for (_, process) in &self.processes {
            process.stop().await;
        }
    }
}

fn shop_addresses(order: SocketAddr, iam: SocketAddr, inventory: SocketAddr) -> ShopAddresses {
    let [order, iam, inventory] = [order, iam, inventory].map(|address| address.to_string());
    ShopAddresses { order: format!("http://{order}"), iam, inventory, trust: Trust::default() }
}

/// Returns the variables of every service. They make no request cheaper: they lift limits that a benchmark reaches but
/// customers do not, and let ships be built at once.
fn common(servers: &Servers) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
    set("SHIPYARD_ENVIRONMENT", "development");
    set("REDIS_URL", servers.redis_url());
    set("KAFKA_BROKERS", &servers.broker.address().to_string());
    set("SERVICE_KEY", "a key of thirty-two bytes for a benchmark");
    // As in `shipyard up`, services log a line for each event of an order.
    let services = SERVICES.map(|service| format!("{}=info", service.name)).join(",");
    set("LOG_LEVEL", &format!("warn,{OUTAGES},{services}"));
    set("ASSEMBLY_BUILD_MIN", "0s");
    set("ASSEMBLY_BUILD_MAX", "0s");
    set("ORDER_MAX_UNPAID", "1000000");
    // The bound is on, as in production, and higher than any customer's orders.
    set("INVENTORY_RESERVATION_MAX_SHARE", "1");
    set("ORDER_PAYMENT_DEADLINE", "24h");
    // All customers of the benchmark share one address.
    set("IAM_ADDRESS_FAILURES", "0");
    set("IAM_ADDRESS_REGISTRATIONS", "0");
    set("IAM_ADDRESS_NEW_ACCOUNTS", "0");
    set("IAM_ACCOUNT_LOGINS", "0");
    // Hash passwords on all cores, as an operator of a larger machine would configure it.
    set("IAM_HASHING_THREADS", &std::thread::available_parallelism().map_or(2, std::num::NonZero::get).to_string());
    let databases = servers.databases.iter();
    variables.extend(databases.map(|(service, url)| (service.variable("DATABASE_URL"), url.clone())));
    variables
}

pub fn cheap_passwords() -> [(String, String); 2] {
    [("IAM_ARGON2_MEMORY_KIB", "64"), ("IAM_ARGON2_ITERATIONS", "1")].map(|(name, value)| (name.into(), value.into()))
}

/// A free address for each listener of every service.
struct Addresses {
    listeners: Vec<(String, SocketAddr)>,
    admin: SocketAddr,
}

impl Addresses {
    fn find() -> anyhow::Result<Self> {
        let names = SERVICES.into_iter().flat_map(|service| {
            let second = service.second_api.map(|api| service.variable(api.listen_suffix()));
            [Some(service.variable("LISTEN")), Some(service.variable("ADMIN_LISTEN")), second].into_iter().flatten()
        });
        let names: Vec<String> = names.collect();
        let mut free = free_addresses(names.len() + 1)?.into_iter();
        let admin = free.next().context("no free port")?;
        Ok(Self { listeners: names.into_iter().zip(free).collect(), admin })
    }

    fn at(&self, variable: &str) -> anyhow::Result<SocketAddr> {
        let found = self.listeners.iter().find(|(name, _)| name == variable);
        Ok(found.with_context(|| format!("there is no listener {variable}"))?.1)
    }

    /// Returns the address of the first API of a service.
    fn of(&self, service: &Service) -> anyhow::Result<SocketAddr> {
        self.at(&service.variable("LISTEN"))
    }

    /// Returns the variables with each service's addresses and its peers' addresses.
    fn variables(&self) -> Vec<(String, String)> {
        let listen = self.listeners.iter().map(|(name, address)| (name.clone(), address.to_string()));
        let asked = SERVICES.iter().filter_map(|service| {
            let address = self.at(&service.called_at()).ok()?;
            Some((service.variable("ADDRESS"), address.to_string()))
        });
        listen.chain(asked).collect()
    }
}

/// Waits until the admin port reports that all services of the process are ready.
async fn ready(process: &Process, admin: SocketAddr) -> anyhow::Result<()> {
    let (deadline, http) = (Instant::now() + STARTUP_TIMEOUT, platform::http::client(CALL_TIMEOUT)?);
    loop {
        process.check()?;
        match http.get(format!("http://{admin}/health/ready")).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) if Instant::now() >= deadline => {
                anyhow::bail!("not ready after {STARTUP_TIMEOUT:?}: {}", answer.text().await?)
            }
            Err(error) if Instant::now() >= deadline => return Err(error).context("it does not answer"),
            _ => tokio::time::sleep(POLL_INTERVAL).await,
        }
    }
}

/// The baseline servers, whose calls do nothing.
pub struct Nothing {
    pub process: Process,
    pub http: SocketAddr,
    grpc: SocketAddr,
}

impl Nothing {
    pub async fn start(program: &Path, directory: &Path) -> anyhow::Result<Self> {
        let free = free_addresses(2)?;
        let (http, grpc) = (free[0], free[1]);
        let variables =
            [(child::HTTP, http), (child::GRPC, grpc)].map(|(name, address)| (name.into(), address.to_string()));
        let process = Process::start(program, directory, "nothing", &["bench", "serve-nothing"], &variables)?;
        let nothing = Self { process, http, grpc };
        let deadline = Instant::now() + STARTUP_TIMEOUT;
        while tokio::net::TcpStream::connect(grpc).await.is_err() || tokio::net::TcpStream::connect(http).await.is_err()
        {
            nothing.process.check().context("starting the servers that do nothing")?;
            anyhow::ensure!(Instant::now() < deadline, "the servers that do nothing do not listen");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(nothing)
    }

    /// Returns the servers' addresses, with which a client of the shop calls them.
    pub fn addresses(&self) -> ShopAddresses {
        shop_addresses(self.http, self.grpc, self.grpc)
    }
}
