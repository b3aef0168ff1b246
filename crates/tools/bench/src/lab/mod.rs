//! The environment of the measurements: servers, the shop in its own process, baseline servers, customers and parts.

mod process;
mod servers;
mod shop;
pub mod tables;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use drive::account::Account;
use operations::registry::SERVICES;
use platform::server::service::Service;
use tokio::sync::{Mutex, OnceCell};

pub use self::{
    servers::Servers,
    shop::{Nothing, Shop, Variant},
    tables::Choice,
};
use self::{shop::cheap_passwords, tables::Parts};
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
    parts: OnceCell<Arc<Parts>>,
    shop: Mutex<Option<(Variant, Arc<Shop>)>>,
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
        if let Some((_, shop)) = current.as_ref().filter(|(running, _)| *running == variant) {
            return Ok(shop.clone());
        }
        if let Some((_, other)) = current.take() {
            other.stop().await;
        }
        let mut variables = Vec::new();
        if variant != Variant::CostlyPasswords {
            variables.extend(cheap_passwords());
        }
        if variant == Variant::Traced {
            let collector = format!("http://{}", self.nothing().await?.http);
            variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector));
        }
        let servers = self.servers().await?;
        let shop = Arc::new(Shop::start(&self.program, &self.directory, servers, &[&SERVICES], variables).await?);
        *current = Some((variant, shop.clone()));
        Ok(shop)
    }

    /// Stops the shop, so that it does not affect the next measurement.
    pub async fn stop_shop(&self) {
        if let Some((_, shop)) = self.shop.lock().await.take() {
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
    pub async fn apart(&self, services: &[&'static Service], variables: Vec<(String, String)>) -> anyhow::Result<Shop> {
        self.stop_shop().await;
        let groups: Vec<&[&'static Service]> = services.chunks(1).collect();
        let variables = cheap_passwords().into_iter().chain(variables);
        Shop::start(&self.program, &self.directory, self.servers().await?, &groups, variables).await
    }

    /// Returns the parts that orders consist of. The shop must have run before, since it creates the table.
    pub async fn parts(&self) -> anyhow::Result<Arc<Parts>> {
        let parts = self.parts.get_or_try_init(|| async {
            self.shop(Variant::Usual).await?;
            tables::stock(self.servers().await?.database(&inventory::SERVICE)?).await.map(Arc::new)
        });
        Ok(parts.await?.clone())
    }

    /// Waits until the shop has processed the backlog of the last measurement.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let shop = self.shop.lock().await.clone();
        match shop {
            Some((_, shop)) => shop.settle().await,
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
        tables::empty(self.servers().await?).await
    }

    /// Deletes the rows that a measurement has added to the tables. The shop must not run.
    pub async fn reset_tables(&self) -> anyhow::Result<()> {
        tables::empty(self.servers().await?).await
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
