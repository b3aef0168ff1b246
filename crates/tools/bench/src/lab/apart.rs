//! Services that run as one process each, as in containers.

use std::{net::SocketAddr, path::Path};

use anyhow::Context as _;
use client::addresses::ShopAddresses;
use platform::server::service::Service;

use super::{
    Servers,
    process::Process,
    quiet,
    shop::{Addresses, cheap_passwords, common, ready, shop_addresses},
};

pub struct Apart {
    processes: Vec<(&'static Service, Process)>,
    order: SocketAddr,
    iam: SocketAddr,
    inventory: SocketAddr,
}

impl Apart {
    /// Starts the services. Returns when all are ready.
    pub async fn start(
        program: &Path,
        directory: &Path,
        servers: &Servers,
        services: &[&'static Service],
        variables: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let addresses = Addresses::find()?;
        let mut all = common(servers);
        all.extend(addresses.variables());
        all.extend(cheap_passwords());
        all.extend(variables.iter().cloned());
        let mut processes = Vec::new();
        for service in services {
            processes.push((
                *service,
                Process::start(program, directory, service.name, &["bench", "serve", service.name], &all)?,
            ));
        }
        for (service, process) in &processes {
            let admin = addresses.at(&service.variable("ADMIN_LISTEN"))?;
            ready(process, admin).await.with_context(|| format!("starting {service}"))?;
        }
        Ok(Self {
            processes,
            order: addresses.of(&order::SERVICE)?,
            iam: addresses.of(&iam::SERVICE)?,
            inventory: addresses.of(&inventory::SERVICE)?,
        })
    }

    pub fn addresses(&self) -> ShopAddresses {
        shop_addresses(self.order, self.iam, self.inventory)
    }

    /// Returns the anonymous memory of each service's process, in MiB.
    pub fn memory(&self) -> anyhow::Result<Vec<(&'static Service, f64)>> {
        let of = |(service, process): &(&'static Service, Process)| {
            let kib = u32::try_from(process.anonymous_kib()?).context("a service takes terabytes")?;
            Ok((*service, f64::from(kib) / 1024.0))
        };
        self.processes.iter().map(of).collect()
    }

    pub async fn settle(&self) -> anyhow::Result<()> {
        for (_, process) in &self.processes {
            quiet::wait(process).await?;
        }
        Ok(())
    }

    pub async fn stop(self) {
        for (_, process) in &self.processes {
            process.stop().await;
        }
    }
}
