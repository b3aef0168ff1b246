//! The environment of the measurements: servers, the shop in its own process, baseline servers, customers and parts.

mod apart;
mod customers;
mod directory;
mod minimal_insert;
mod parts;
mod process;
mod quiet;
mod reset;
mod servers;
mod shop;
mod statements;
pub mod table_sizes;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::{Mutex, OnceCell};

use self::directory::Directory;
pub use self::{
    apart::Apart,
    customers::Customer,
    minimal_insert::Statement,
    parts::Choice,
    process::Process,
    servers::Servers,
    shop::{Nothing, Shop, Variant, iam_clients},
};
use crate::{report::Progress, rounds::Effort};

/// The environment that the measurements of a run share. Each part starts when it is first needed.
pub struct Lab {
    pub effort: Effort,
    pub progress: Progress,
    program: PathBuf,
    directory: Directory,
    servers: OnceCell<Servers>,
    nothing: OnceCell<Nothing>,
    customers: OnceCell<Arc<[Customer]>>,
    parts: OnceCell<Arc<parts::Parts>>,
    shop: Mutex<Option<Arc<Shop>>>,
    /// True if PostgreSQL records the time of each statement.
    counts_statements: bool,
}

impl Lab {
    /// Creates the lab. Empties `directory`, which then holds the servers' data and all logs. Fails if it contains
    /// foreign files.
    pub fn new(program: PathBuf, directory: &Path, effort: Effort, progress: Progress) -> anyhow::Result<Self> {
        Ok(Self {
            effort,
            progress,
            program,
            directory: Directory::claim(directory)?,
            servers: OnceCell::new(),
            nothing: OnceCell::new(),
            customers: OnceCell::new(),
            parts: OnceCell::new(),
            shop: Mutex::new(None),
            counts_statements: false,
        })
    }

    /// Makes PostgreSQL record the time of each statement.
    #[must_use]
    pub fn with_statements(self) -> Self {
        Self { counts_statements: true, ..self }
    }

    /// Returns PostgreSQL, Redis and Kafka. The first call starts them.
    pub async fn servers(&self) -> anyhow::Result<&Servers> {
        self.servers
            .get_or_try_init(|| async {
                self.progress.say("starting PostgreSQL, Redis and Kafka");
                Servers::start(self.directory.path(), self.counts_statements).await
            })
            .await
    }

    /// Returns the baseline servers. The first call starts them.
    pub async fn nothing(&self) -> anyhow::Result<&Nothing> {
        self.nothing.get_or_try_init(|| Nothing::start(&self.program, self.directory.path())).await
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
        self.progress.say("starting the shop");
        let shop = Shop::start(&self.program, self.directory.path(), self.servers().await?, variant, collector).await?;
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
    pub async fn customers(&self) -> anyhow::Result<Arc<[Customer]>> {
        let customers = self.customers.get_or_try_init(|| async {
            let shop = self.shop(Variant::Usual).await?;
            self.progress.say("customers register");
            customers::register(&shop, self.effort.customers).await
        });
        Ok(customers.await?.clone())
    }

    /// Registers a few customers at a shop of another variant.
    pub async fn some_customers(&self, shop: &Shop, count: usize) -> anyhow::Result<Vec<Customer>> {
        let mut some = Vec::with_capacity(count);
        for _ in 0..count {
            some.push(customers::one(shop).await?);
        }
        Ok(some)
    }

    /// Starts these services as one process each, with variables in addition to the usual ones.
    pub async fn apart(
        &self,
        services: &[&'static platform::server::service::Service],
        variables: &[(String, String)],
    ) -> anyhow::Result<Apart> {
        self.stop_shop().await;
        Apart::start(&self.program, self.directory.path(), self.servers().await?, services, variables).await
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

    /// Runs `work`. Returns a line for each statement that took most of PostgreSQL's time; none if PostgreSQL does not
    /// record it.
    pub async fn statements<F>(&self, work: impl FnOnce() -> F) -> anyhow::Result<Vec<String>>
    where
        F: Future<Output = anyhow::Result<crate::sample::Sample>>,
    {
        if !self.counts_statements {
            return Ok(Vec::new());
        }
        self.settle().await?;
        let database = self.servers().await?.pool(1)?;
        statements::forget(&database).await?;
        let sample = work().await?;
        let lines = statements::top(&database, sample.count).await;
        database.close().await;
        lines
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
        self.directory.delete();
    }
}
