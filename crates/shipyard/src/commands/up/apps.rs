//! The six services of the one process, put together as their own programs do it.

use std::net::SocketAddr;

use futures::future::BoxFuture;
use iam::config::SessionBackend;
use platform::{
    config::{ConfigError, Settings},
    health::Readiness,
};
use tokio_util::sync::CancellationToken;

use crate::services::Service;

/// The services' configurations, read and checked.
pub struct Configs {
    iam: iam::config::Config,
    inventory: inventory::config::Config,
    order: order::config::Config,
    payment: payment::config::Config,
    assembly: assembly::config::Config,
    notification: notification::config::Config,
}

/// A service that has bound its listeners and waits to be run.
pub struct Built {
    pub name: &'static str,
    pub readiness: Readiness,
    pub run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>,
}

impl Configs {
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let mut configs = Self {
            iam: iam_config(settings)?,
            inventory: inventory::config::Config::load(settings)?,
            order: order::config::Config::load(settings)?,
            payment: payment::config::Config::load(settings)?,
            assembly: assembly::config::Config::load(settings)?,
            notification: notification::config::Config::load(settings)?,
        };
        // One admin port serves all.
        configs.iam.own.iam_admin_listen = None;
        configs.inventory.own.inventory_admin_listen = None;
        configs.order.own.order_admin_listen = None;
        configs.payment.own.payment_admin_listen = None;
        configs.assembly.own.assembly_admin_listen = None;
        configs.notification.own.notification_admin_listen = None;
        Ok(configs)
    }

    /// Where each service is to listen.
    pub fn addresses(&self) -> [(Service, SocketAddr); 6] {
        [
            (Service::Iam, self.iam.own.iam_listen),
            (Service::Inventory, self.inventory.own.inventory_listen),
            (Service::Order, self.order.own.order_listen),
            (Service::Payment, self.payment.own.payment_listen),
            (Service::Assembly, self.assembly.own.assembly_listen),
            (Service::Notification, self.notification.own.notification_listen),
        ]
    }

    /// Builds every service.
    pub async fn build(self) -> anyhow::Result<Vec<Built>> {
        let iam = iam::app::App::build(self.iam).await?;
        let inventory = inventory::app::App::build(self.inventory).await?;
        let order = order::app::App::build(self.order).await?;
        let payment = payment::app::App::build(self.payment).await?;
        let assembly = assembly::app::App::build(self.assembly).await?;
        let notification = notification::app::App::build(self.notification).await?;
        Ok(vec![
            Built::new("iam", iam.readiness(), |stop| iam.run(stop)),
            Built::new("inventory", inventory.readiness(), |stop| inventory.run(stop)),
            Built::new("order", order.readiness(), |stop| order.run(stop)),
            Built::new("payment", payment.readiness(), |stop| payment.run(stop)),
            Built::new("assembly", assembly.readiness(), |stop| assembly.run(stop)),
            Built::new("notification", notification.readiness(), |stop| notification.run(stop)),
        ])
    }
}

/// Without a Redis sessions are kept in this process.
fn iam_config(settings: &Settings) -> Result<iam::config::Config, ConfigError> {
    match settings.get("REDIS_URL") {
        Some(_) => iam::config::Config::load(settings),
        None => iam::config::Config::with_sessions(settings, SessionBackend::Memory),
    }
}

impl Built {
    pub fn new<F>(
        name: &'static str,
        readiness: Readiness,
        run: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { name, readiness, run: Box::new(|stop| Box::pin(run(stop))) }
    }
}
