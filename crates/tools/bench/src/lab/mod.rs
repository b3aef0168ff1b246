//! What measurements need: servers, the shop in a process of its own, servers that do nothing, customers and parts.

mod apart;
mod customers;
mod directory;
mod parts;
mod process;
mod quiet;
mod reset;
mod servers;
mod shop;
mod statements;
pub mod storage;
mod tables;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::{Mutex, OnceCell};

use self::directory::Directory;
pub use self::{
    apart::Apart,
    customers::Customer,
    parts::Choice,
    process::Process,
    servers::Servers,
    shop::{Nothing, Shop, Variant, iam_clients},
    tables::Statement,
};
use crate::{report::Progress, rounds::Effort};

/// What the measurements of a run share. Nothing is started before it is needed.
pub struct Lab {
    pub effort: Effort,
    pub progress: Progress,
    /// The program that the processes run.
    program: PathBuf,
    directory: Directory,
    servers: OnceCell<Servers>,
    nothing: OnceCell<Nothing>,
    customers: OnceCell<Arc<[Customer]>>,
    parts: OnceCell<Arc<parts::Parts>>,
    shop: Mutex<Option<Arc<Shop>>>,
    /// PostgreSQL says what it spends its time on.
    counts_statements: bool,
}

impl Lab {
    /// `directory` is emptied, and has the servers' data and all logs. Fails where it holds anything else.
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

    /// The same, and PostgreSQL counts the time of each statement.
    #[must_use]
    pub fn with_statements(self) -> Self {
        Self { counts_statements: true, ..self }
    }

    /// PostgreSQL, Redis and Kafka.
    pub async fn servers(&self) -> anyhow::Result<&Servers> {
        self.servers
            .get_or_try_init(|| async {
                self.progress.say("starting PostgreSQL, Redis and Kafka");
                Servers::start(self.directory.path(), self.counts_statements).await
            })
            .await
    }

    /// The servers that do nothing.
    pub async fn nothing(&self) -> anyhow::Result<&Nothing> {
        self.nothing.get_or_try_init(|| Nothing::start(&self.program, self.directory.path())).await
    }

    /// The shop as `variant` has it, started again where another one runs.
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

    /// Ends the shop, so that nothing of it runs beside what is measured next.
    pub async fn stop_shop(&self) {
        if let Some(shop) = self.shop.lock().await.take() {
            shop.stop().await;
        }
    }

    /// Customers who are logged in: so many that none of them has many unpaid orders.
    pub async fn customers(&self) -> anyhow::Result<Arc<[Customer]>> {
        let customers = self.customers.get_or_try_init(|| async {
            let shop = self.shop(Variant::Usual).await?;
            self.progress.say("customers register");
            customers::register(&shop).await
        });
        Ok(customers.await?.clone())
    }

    /// A few customers of a shop that is configured in another way.
    pub async fn some_customers(&self, shop: &Shop, count: usize) -> anyhow::Result<Vec<Customer>> {
        let mut some = Vec::with_capacity(count);
        for _ in 0..count {
            some.push(customers::one(shop).await?);
        }
        Ok(some)
    }

    /// These services, each in a process of its own, with these variables beside the usual ones.
    pub async fn apart(
        &self,
        services: &[&'static platform::service::Service],
        variables: &[(String, String)],
    ) -> anyhow::Result<Apart> {
        self.stop_shop().await;
        Apart::start(&self.program, self.directory.path(), self.servers().await?, services, variables).await
    }

    /// The parts that an order of `choice` is made of. The shop must have run: it makes the table.
    pub async fn parts(&self) -> anyhow::Result<Arc<parts::Parts>> {
        let parts = self.parts.get_or_try_init(|| async {
            self.shop(Variant::Usual).await?;
            parts::stock(self.servers().await?.database(&inventory::SERVICE)?).await.map(Arc::new)
        });
        Ok(parts.await?.clone())
    }

    /// Returns when the shop has done what the last measurement left behind.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let shop = self.shop.lock().await.clone();
        match shop {
            Some(shop) => quiet::wait(&shop.process).await,
            None => Ok(()),
        }
    }

    /// Which statements take PostgreSQL's time in `work`, a line each; none where it does not count.
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

    /// Removes what earlier ratios left in the tables: each begins with the same shop, whichever were measured before.
    pub async fn empty_tables(&self) -> anyhow::Result<()> {
        if self.customers.get().is_none() && self.shop.lock().await.is_none() {
            return Ok(());
        }
        self.settle().await?;
        self.stop_shop().await;
        reset::empty(self.servers().await?).await
    }

    /// The same for tables that were filled during a ratio. The shop must not run.
    pub async fn reset_tables(&self) -> anyhow::Result<()> {
        reset::empty(self.servers().await?).await
    }

    /// Ends everything that was started.
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
