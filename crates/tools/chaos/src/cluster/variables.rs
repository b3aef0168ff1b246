//! The variables of the services: the addresses of their servers and peers, which are those of the links, and settings
//! for many impatient customers.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::Context as _;
use platform::{config::Settings, server::service::Service};

use super::{
    links::{Link, Links, calls},
    servers::Servers,
};

/// The longest build time of a ship.
pub const MAX_BUILD_TIME: Duration = Duration::from_secs(2);
/// The credentials for the stand-ins of the payment provider and Telegram.
pub const PROVIDER_KEY: &str = "sk_chaos";
pub const TELEGRAM_TOKEN: &str = "1:chaos";

/// Returns the `host:port` of a URL.
pub fn authority(url: &str) -> anyhow::Result<String> {
    let url = reqwest::Url::parse(url).context("reading a server's URL")?;
    Ok(format!("{}:{}", url.host_str().context("no host")?, url.port().context("no port")?))
}

fn at(url: &str, address: SocketAddr) -> anyhow::Result<String> {
    Ok(url.replacen(&authority(url)?, &address.to_string(), 1))
}

/// Returns the variables for the audit's connections to the servers. They bypass the proxies if possible.
pub fn sources(servers: &Servers, links: &Links) -> anyhow::Result<Settings> {
    let databases = servers.databases.iter().map(|(service, url)| (service.variable("DATABASE_URL"), url.clone()));
    let all: Vec<_> = databases.chain(servers.broker.variables(links.address(Link::Kafka)?)).collect();
    Ok(Settings::from_variables(all.iter().map(|(name, value)| (name.as_str(), value.clone()))))
}

pub struct Variables<'a> {
    pub servers: &'a Servers,
    pub links: &'a Links,
    pub directory: &'a Path,
    /// Signs the services' requests to each other.
    pub key: &'a str,
    /// Variables of every service, in place of these.
    pub others: &'a [(String, String)],
}

impl Variables<'_> {
    pub fn of(&self, service: &'static Service) -> anyhow::Result<Vec<(String, String)>> {
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
        let order_api = self.links.address(Link::Front(&order::SERVICE))?.to_string();
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
            "console" => set("ORDER_HTTP_ADDRESS", &order_api),
            "operations" => {
                set("ORDER_HTTP_ADDRESS", &order_api);
                self.servers.others(service).for_each(|(name, url)| set(&name, url));
            }
            _ => {}
        }
        variables.extend_from_slice(self.others);
        Ok(variables)
    }
}
