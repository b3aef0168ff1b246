//! The environment of the measurements: servers, the shop in its own process, baseline servers, customers and parts.

mod apart;
mod minimal_insert;
mod parts;
mod process;
mod quiet;
mod reset;
mod servers;
mod shop;
pub mod table_sizes;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use drive::account::Account;
use tokio::sync::{Mutex, OnceCell};

pub use self::{
    apart::Apart,
    minimal_insert::Statement,
    parts::Choice,
    process::Process,
    servers::Servers,
    shop::{Nothing, Shop, Variant},
};
use crate::rounds::Effort;

/// The environment that the measurements of a run share. Each part starts when it is first needed.
pub struct Lab {
    pub effort: Effort,
    program: PathBuf,
    directory: PathBuf,
    _lock: File,
    servers: OnceCell<Servers>,
    nothing: OnceCell<Nothing>,
    customers: OnceCell<Arc<[Account]>>,
    parts: OnceCell<Arc<parts::Parts>>,
    shop: Mutex<Option<Arc<Shop>>>,
}

impl Lab {
    /// Creates the lab. Empties `directory`, which then holds the servers' data and all logs. Fails if another run uses
    /// it.
    pub fn new(program: PathBuf, directory: &Path, effort: Effort) -> anyhow::Result<Self> {
        // The lock is beside the directory: inside, it would be deleted with it.
        let beside = directory.with_extension("lock");
        fs::create_dir_all(&beside).with_context(|| format!("making {}", beside.display()))?;
        let lock = ::servers::process::lock(&beside)?;
        empty(directory)?;
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        Ok(Self {
            effort,
            program,
            directory: directory.canonicalize().context("finding the directory for data")?,
            _lock: lock,
            servers: OnceCell::new(),
            nothing: OnceCell::new(),
            customers: OnceCell::new(),
            parts: OnceCell::new(),
            shop: Mutex::new(None),
        })
    }

    /// Returns PostgreSQL, Redis and Kafka. The first call starts them.
    pub async fn servers(&self) -> anyhow::Result<&Servers> {
        self.servers.get_or_try_init(|| Servers::start(&self.directory)).await
    }

    /// Returns the baseline servers. The first call starts them.
    pub async fn nothing(&self) -> anyhow::Result<&Nothing> {
        self.nothing.get_or_try_init(|| Nothing::start(&self.program, &self.directory)).await
    }

    /// Returns the shop in this variant. Stops a running shop of another variant first.
    pub async fn shop(&self, variant: Variant) -> anyhow::Result<Arc<Shop>> {
        let mut current = self.shop.lock().await;
        if let Some(shop) = current.as_ref().filter(|shop| shop.variant == variant) {
            return Ok(shop.clone());
        }
        if let Some(other) = current.take() {
            other.stop().await;
        }
        let collector = match variant {
            Variant::Traced => Some(self.nothing().await?.http),
            _ => None,
        };
        let shop = Shop::start(&self.program, &self.directory, self.servers().await?, variant, collector).await?;
        let shop = Arc::new(shop);
        *current = Some(shop.clone());
        Ok(shop)
    }

    /// Stops the shop, so that it does not affect the next measurement.
    pub async fn stop_shop(&self) {
        if let Some(shop) = self.shop.lock().await.take() {
            shop.stop().await;
        }
    }

    /// Returns logged-in customers: enough that none has many unpaid orders.
    pub async fn customers(&self) -> anyhow::Result<Arc<[Account]>> {
        let customers = self.customers.get_or_try_init(|| async {
            let shop = self.shop(Variant::Usual).await?;
            self.some_customers(&shop, self.effort.customers).await
        });
        Ok(customers.await?.clone())
    }

    /// Registers customers at a shop, and logs them in.
    pub async fn some_customers(&self, shop: &Shop, count: usize) -> anyhow::Result<Arc<[Account]>> {
        Ok(drive::load::register(&[shop.addresses().shop()?], count, usize::MAX).await?.into())
    }

    /// Starts these services as one process each, with variables in addition to the usual ones.
    pub async fn apart(
        &self,
        services: &[&'static platform::server::service::Service],
        variables: &[(String, String)],
    ) -> anyhow::Result<Apart> {
        self.stop_shop().await;
        Apart::start(&self.program, &self.directory, self.servers().await?, services, variables).await
    }

    /// Returns the parts that orders consist of. The shop must have run before, since it creates the table.
    pub async fn parts(&self) -> anyhow::Result<Arc<parts::Parts>> {
        let parts = self.parts.get_or_try_init(|| async {
            self.shop(Variant::Usual).await?;
            parts::stock(self.servers().await?.database(&inventory::SERVICE)?).await.map(Arc::new)
        });
        Ok(parts.await?.clone())
    }

    /// Waits until the shop has processed the backlog of the last measurement.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let shop = self.shop.lock().await.clone();
        match shop {
            Some(shop) => quiet::wait(&shop.process).await,
            None => Ok(()),
        }
    }

    /// Deletes the rows of earlier ratios, so that each ratio begins with the same shop.
    pub async fn empty_tables(&self) -> anyhow::Result<()> {
        if self.customers.get().is_none() && self.shop.lock().await.is_none() {
            return Ok(());
        }
        self.settle().await?;
        self.stop_shop().await;
        reset::empty(self.servers().await?).await
    }

    /// Deletes the rows filled into the tables during a ratio. The shop must not run.
    pub async fn reset_tables(&self) -> anyhow::Result<()> {
        reset::empty(self.servers().await?).await
    }

    pub async fn stop(self) {
        self.stop_shop().await;
        if let Some(nothing) = self.nothing.into_inner() {
            nothing.process.stop().await;
        }
        if let Some(servers) = self.servers.into_inner() {
            servers.stop().await;
        }
        // The next run deletes the rest.
        let _ = empty(&self.directory);
    }
}

fn empty(directory: &Path) -> anyhow::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    // If the benchmark runs as root, another user owns PostgreSQL's data, and a symbolic link leads to it.
    let _ = fs::read_link(directory.join("postgres")).and_then(fs::remove_dir_all);
    fs::remove_dir_all(directory).with_context(|| format!("emptying {}", directory.display()))
}
