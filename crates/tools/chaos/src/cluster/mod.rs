//! The cluster under chaos: several processes of each service, their servers, and the network between them.

mod links;
mod replica;
mod replicas;
mod servers;
mod variables;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use audit::facts::Poison;
use drive::{account::Account, load::register};
use notification::model::Kind;
use platform::{config::Settings, ids, postgres::Database};
use secrecy::SecretString;
use stand_ins::{Kyc, KycMode, Mode, Provider, Telegram, TelegramMode};

use self::variables::{PROVIDER_KEY, TELEGRAM_TOKEN, Variables, authority, sources};
pub use self::{
    links::{Link, Links, calls},
    replica::Replica,
    replicas::{Replicas, sum},
    servers::{PASSWORD, Servers},
    variables::MAX_BUILD_TIME,
};
use super::REPLICAS;
use client::{bank::Bank, lending::Lending, shop::Shop, trust::Trust};
use operations::{facts::Sources, registry::with_database, restock::restock};
use platform::server::service::Service;

/// The name of customers whom the identity check refuses.
pub const DECLINED_NAME: &str = "Mallory";
/// The stock of each part: more than all customers can buy.
const STOCK: i64 = 1_000_000;

/// What may differ from the cluster of a chaos run.
pub struct Options {
    /// The number of processes of a service.
    pub replicas: fn(&Service) -> usize,
    /// True for Kafka in a container, where there can be one. Otherwise it is a mock.
    pub container: bool,
    /// Variables of every service, in place of those that the cluster sets.
    pub variables: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { replicas: |_| REPLICAS, container: true, variables: Vec::new() }
    }
}

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
    pub async fn start(directory: &Path, options: &Options) -> anyhow::Result<Self> {
        ::servers::small_disk::sweep();
        let directory = fresh(directory)?;
        let provider = Provider::start(PROVIDER_KEY).await?;
        let telegram = Telegram::start(TELEGRAM_TOKEN).await?;
        let checker = Kyc::start().await?;
        checker.decline(DECLINED_NAME);
        let links = Arc::new(Links::new().await?);
        tracing::info!("starting PostgreSQL, Redis and Kafka");
        let servers = Servers::start(&directory, links.address(Link::Kafka)?, options.container).await?;
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
        let mut replicas = Replicas::new(options.replicas, &directory, links.clone())?;
        let key = format!("{:032x}", platform::ids::random().as_u128());
        let others = &options.variables[..];
        let variables = Variables { servers: &servers, links: &links, directory: &directory, key: &key, others };
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

    /// Returns a pool of its own for the database of a service. It bypasses the links.
    pub fn pool(&self, service: &'static Service) -> anyhow::Result<Database> {
        service.pool("shipyard-chaos", 1, &self.settings)
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
        self.provider.unscript();
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
