//! The cluster under chaos: several processes of each service, their servers, and the network between them.

mod links;
mod replica;
mod replicas;
mod servers;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use audit::facts::Poison;
use drive::{account::Account, load::register};
use notification::model::Kind;
use platform::{config::Settings, ids};
use secrecy::SecretString;
use stand_ins::{Kyc, KycMode, Mode, Provider, Telegram, TelegramMode};

pub use self::{
    links::{Link, Links, calls},
    replica::Replica,
    replicas::{Replicas, sum},
    servers::{PASSWORD, Servers},
};
use super::REPLICAS;
use client::{bank::Bank, lending::Lending, shop::Shop, trust::Trust};
use operations::{facts::Sources, registry::with_database, restock::restock};
use platform::server::service::Service;

/// The longest build time of a ship.
pub const MAX_BUILD_TIME: Duration = Duration::from_secs(2);
/// The credentials for the stand-ins of the payment provider and Telegram.
const PROVIDER_KEY: &str = "sk_chaos";
const TELEGRAM_TOKEN: &str = "1:chaos";
/// The name of customers whom the identity check refuses.
pub const DECLINED_NAME: &str = "Mallory";
/// The stock of each part: more than all customers can buy.
const STOCK: i64 = 1_000_000;

pub struct Cluster {
    pub replicas: Replicas,
    pub links: Arc<Links>,
    pub servers: Servers,
    pub provider: Provider,
    pub telegram: Telegram,
    pub checker: Kyc,
    /// Access to databases and topics for the audit. It bypasses the links to the databases.
    pub sources: Sources,
    settings: Settings,
    directory: PathBuf,
    /// The poison messages that were sent so far.
    pub poison: Vec<Poison>,
    /// Signs the services' requests to each other.
    key: SecretString,
}

impl Cluster {
    /// Starts servers, network and services. Returns when all services are ready and the parts are in stock. Data and
    /// logs go into `directory`, which is emptied.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        ::servers::small_disk::sweep();
        let directory = fresh(directory)?;
        let provider = Provider::start(PROVIDER_KEY).await?;
        let telegram = Telegram::start(TELEGRAM_TOKEN).await?;
        let checker = Kyc::start().await?;
        checker.decline(DECLINED_NAME);
        let links = Arc::new(Links::new().await?);
        tracing::info!("starting PostgreSQL, Redis and Kafka");
        let servers = Servers::start(&directory, links.address(Link::Kafka)?).await?;
        let targets = [
            (Link::Redis, authority(&servers.redis_url)?),
            (Link::Kafka, servers.broker.address()),
            (Link::Provider, provider.address().to_string()),
            (Link::Telegram, telegram.address().to_string()),
            (Link::Checker, authority(&checker.url())?),
        ];
        for (link, target) in targets {
            links.get(link)?.aim(vec![target]);
        }
        for service in with_database() {
            links.get(Link::Database(service))?.aim(vec![authority(&servers.postgres_url)?]);
        }
        let settings = sources(&servers, &links)?;
        let sources = Sources::from_settings("shipyard-chaos", &settings)?;
        let mut replicas = Replicas::new(REPLICAS, &directory, links.clone())?;
        let key = format!("{:032x}", platform::ids::random().as_u128());
        let variables = Variables { servers: &servers, links: &links, directory: &directory, key: &key };
        for replica in replicas.all() {
            replica.configure(variables.of(replica.service)?);
            replica.start(&[])?;
        }
        let cluster = Self {
            replicas,
            links,
            servers,
            provider,
            telegram,
            checker,
            sources,
            settings,
            directory,
            poison: Vec::new(),
            key: key.into(),
        };
        tracing::info!("starting the services");
        cluster.replicas.all_ready().await?;
        let inventory = cluster.links.address(Link::Front(&inventory::SERVICE))?.to_string();
        restock(&inventory, Some(&cluster.key), None, None, STOCK, ids::random()).await?;
        Ok(cluster)
    }

    /// Returns a client of the shop that connects through the links.
    pub fn shop(&self) -> anyhow::Result<Shop> {
        let [order, iam, inventory] =
            [&order::SERVICE, &iam::SERVICE, &inventory::SERVICE].map(|to| self.links.address(Link::Front(to)));
        Shop::at(&Trust::default(), &order?.to_string(), &iam?.to_string(), &inventory?.to_string())
    }

    /// Registers users, and logs them in.
    pub async fn accounts(&self, count: usize) -> anyhow::Result<Vec<Account>> {
        register(&[self.shop()?], count, usize::MAX).await
    }

    pub async fn account(&self) -> anyhow::Result<Account> {
        self.accounts(1).await?.pop().context("no user is registered")
    }

    /// Returns a client of customers and payment that connects through the links.
    pub fn lending(&self) -> anyhow::Result<Lending> {
        let [customers, payment] =
            [&customers::SERVICE, &payment::SERVICE].map(|to| self.links.address(Link::Front(to)));
        Lending::at(&Trust::default(), &customers?.to_string(), &payment?.to_string())
    }

    /// Returns the bank, which bypasses the links.
    pub fn bank(&self) -> anyhow::Result<Bank> {
        Bank::at(&self.sources.kafka, &self.sources.topics)
    }

    pub async fn count(&self, service: &'static Service, question: &'static str) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(question).fetch_one(self.sources.databases.get(service)?).await?)
    }

    /// Returns the number of the replica that holds a lease.
    pub async fn holder(&mut self, service: &'static Service, lease: &str) -> anyhow::Result<usize> {
        let question = sqlx::query_scalar("select holder from leases where name = $1").bind(lease);
        let holder: String = question.fetch_one(self.sources.databases.get(service)?).await?;
        self.replicas.of_instance(service, &holder)
    }

    /// Reverts everything that a fault may have left changed.
    pub async fn heal(&mut self) -> anyhow::Result<()> {
        self.links.restore_all();
        self.provider.be(Mode::Well);
        self.provider.release();
        self.telegram.be(TelegramMode::Well);
        self.checker.be(KycMode::Well);
        if let Ok(disk) = &self.servers.disk {
            disk.free()?;
        }
        self.servers.start_postgres().await?;
        self.servers.start_redis().await?;
        // The old connections may be broken since a crash: the first use of each would fail.
        let earlier = std::mem::replace(&mut self.sources, Sources::from_settings("shipyard-chaos", &self.settings)?);
        earlier.databases.close().await;
        self.servers.broker.heal().await?;
        for replica in self.replicas.all() {
            replica.thaw();
            if replica.is_altered() {
                replica.terminate().await;
            }
            if !replica.is_running() {
                replica.start(&[])?;
            }
        }
        Ok(())
    }

    pub async fn stop(mut self) {
        self.replicas.kill_all().await;
        self.servers.stop().await;
        delete_postgres(&self.directory);
    }
}

fn fresh(directory: &Path) -> anyhow::Result<PathBuf> {
    let shown = directory.display();
    if directory.exists() {
        delete_postgres(directory);
        std::fs::remove_dir_all(directory).with_context(|| format!("emptying {shown}"))?;
    }
    std::fs::create_dir_all(directory.join("templates")).with_context(|| format!("making {shown}"))?;
    // The audit can parse messages in chats that use these templates.
    for kind in Kind::ALL.map(Kind::as_str) {
        let file = directory.join("templates").join(format!("{kind}.txt"));
        std::fs::write(file, format!("{kind} {{{{ order_uuid }}}}\n"))?;
    }
    Ok(directory.canonicalize()?)
}

/// Deletes PostgreSQL's data. If chaos runs as root, another user owns the data, and a symbolic link leads to it.
fn delete_postgres(directory: &Path) {
    let data = directory.join("postgres");
    let _ = std::fs::read_link(&data).and_then(std::fs::remove_dir_all);
    let _ = std::fs::remove_file(&data).or_else(|_| std::fs::remove_dir_all(&data));
}

/// Returns the `host:port` of a URL.
fn authority(url: &str) -> anyhow::Result<String> {
    let url = reqwest::Url::parse(url).context("reading a server's URL")?;
    Ok(format!("{}:{}", url.host_str().context("no host")?, url.port().context("no port")?))
}

fn at(url: &str, address: SocketAddr) -> anyhow::Result<String> {
    Ok(url.replacen(&authority(url)?, &address.to_string(), 1))
}

/// Returns the variables for the audit's connections to the servers. They bypass the proxies if possible.
fn sources(servers: &Servers, links: &Links) -> anyhow::Result<Settings> {
    let databases = servers.databases.iter().map(|(service, url)| (service.variable("DATABASE_URL"), url.clone()));
    let all: Vec<_> = databases.chain(servers.broker.variables(links.address(Link::Kafka)?)).collect();
    Ok(Settings::from_variables(all.iter().map(|(name, value)| (name.as_str(), value.clone()))))
}

struct Variables<'a> {
    servers: &'a Servers,
    links: &'a Links,
    directory: &'a Path,
    key: &'a str,
}

impl Variables<'_> {
    fn of(&self, service: &'static Service) -> anyhow::Result<Vec<(String, String)>> {
        let mut variables = self.servers.broker.variables(self.links.address(Link::Kafka)?);
        let mut set = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
        set("SERVICE_KEY", self.key);
        // In development, access tokens and receipts are signed with the published keys.
        set("SHIPYARD_ENVIRONMENT", "development");
        set("LOG_LEVEL", "info");
        // A stopping server closes an HTTP/1.1 connection only with a response. A customer sends its next request
        // within two seconds, so order drains for longer.
        set("SHUTDOWN_DRAIN", if service == &order::SERVICE { "3s" } else { "1s" });
        if let Some((_, url)) = self.servers.own_databases.iter().find(|(of, _)| *of == service) {
            set(&service.variable("DATABASE_URL"), &at(url, self.links.address(Link::Database(service))?)?);
            set(&service.variable("DATABASE_CONNECTIONS"), if service == &order::SERVICE { "8" } else { "5" });
        }
        for link in calls() {
            if let Link::Call(from, to) = link
                && from == service
            {
                set(&to.variable("ADDRESS"), &self.links.address(link)?.to_string());
            }
        }
        match service.name {
            "iam" => {
                set("REDIS_URL", &at(&self.servers.redis_url, self.links.address(Link::Redis)?)?);
                // All customers share an IP address, and log in at once after Redis was emptied.
                set("IAM_ADDRESS_FAILURES", "0");
                set("IAM_ADDRESS_REGISTRATIONS", "0");
                set("IAM_ADDRESS_NEW_ACCOUNTS", "0");
                set("IAM_ACCOUNT_LOGINS", "0");
                set("IAM_ARGON2_MEMORY_KIB", "64");
                set("IAM_ARGON2_ITERATIONS", "1");
            }
            // Few customers buy all that there is.
            "inventory" => set("INVENTORY_RESERVATION_MAX_SHARE", "0"),
            "order" => {
                set("ORDER_PAYMENT_DEADLINE", "20s");
                set("ORDER_MAX_UNPAID", "1000000");
            }
            "payment" => {
                set("PAYMENT_PROVIDER_URL", &format!("http://{}", self.links.address(Link::Provider)?));
                set("PAYMENT_PROVIDER_KEY", PROVIDER_KEY);
                set("PAYMENT_PROVIDER_TIMEOUT", "2s");
                set("PAYMENT_INITIAL_BALANCE", "1000000");
            }
            "assembly" => {
                set("ASSEMBLY_BUILD_MIN", "500ms");
                set("ASSEMBLY_BUILD_MAX", &format!("{}s", MAX_BUILD_TIME.as_secs()));
            }
            "notification" => {
                set("TELEGRAM_API_URL", &format!("http://{}", self.links.address(Link::Telegram)?));
                set("TELEGRAM_BOT_TOKEN", TELEGRAM_TOKEN);
                set("NOTIFICATION_TEMPLATES", &self.directory.join("templates").display().to_string());
            }
            // Only three couriers carry the orders of two dozen customers.
            "delivery" => set("DELIVERY_MOVE_EVERY", "50ms"),
            "customers" => {
                set("KYC_PROVIDER_URL", &format!("http://{}/check", self.links.address(Link::Checker)?));
            }
            "operations" => self.servers.others(service).for_each(|(name, url)| set(&name, url)),
            _ => {}
        }
        Ok(variables)
    }
}
