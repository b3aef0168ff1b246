//! The states of the services, read from their admin ports.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use anyhow::Context as _;
use contracts::proto::operations::v1::{Breaker, ServiceState};
use futures::future::join_all;
use platform::{
    config::{ConfigError, Host, Settings},
    server::service::{Service, reachable},
};
use serde::Deserialize;

use crate::registry::SERVICES;

/// The variable with the host of the services' admin ports; `{service}` in it stands for a service's name.
const HOST: &str = "OPERATIONS_ADMIN_HOST";
/// The variable with the address of the admin port of a process that runs all services.
const SHARED: &str = "SHIPYARD_ADMIN_LISTEN";
/// The time limit for one response of an admin port.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

pub struct AdminPorts {
    http: reqwest::Client,
    /// The `host:port` of each service, in the order of the registry.
    addresses: Vec<(&'static Service, String)>,
}

/// The health and the metrics of an admin port.
struct AdminReport {
    is_ready: bool,
    waiting_for: Vec<String>,
    /// Empty if the metrics were not read.
    metrics: String,
}

#[derive(Deserialize)]
struct Health {
    #[serde(default)]
    waiting_for: Vec<String>,
}

impl AdminPorts {
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        let addresses = SERVICES.into_iter().map(|service| Ok((service, address(service, settings)?)));
        Ok(Self {
            http: platform::http::client(REQUEST_TIMEOUT)?,
            addresses: addresses.collect::<Result<_, ConfigError>>()?,
        })
    }

    /// Returns the state of each service. If a service does not respond, its state contains the error; the call does
    /// not fail.
    pub async fn states(&self) -> Vec<ServiceState> {
        // Services in one process share an admin port, which is read once.
        let distinct: BTreeSet<&str> = self.addresses.iter().map(|(_, admin)| admin.as_str()).collect();
        let asked = distinct.into_iter().map(async |admin| (admin, self.read(admin).await));
        let reports: HashMap<&str, anyhow::Result<AdminReport>> = join_all(asked).await.into_iter().collect();
        self.addresses.iter().map(|(service, admin)| state(service, admin, reports.get(admin.as_str()))).collect()
    }

    async fn read(&self, admin: &str) -> anyhow::Result<AdminReport> {
        let get = async |path: &str| self.http.get(format!("http://{admin}{path}")).send().await;
        let (ready, metrics) = tokio::join!(get("/health/ready"), async { get("/metrics").await?.text().await });
        let ready = ready.map_err(reqwest::Error::without_url).context("its admin port does not answer")?;
        let is_ready = ready.status().is_success();
        let health: Health =
            ready.json().await.map_err(reqwest::Error::without_url).context("its health is unknown")?;
        Ok(AdminReport { is_ready, waiting_for: health.waiting_for, metrics: metrics.unwrap_or_default() })
    }
}

fn state(service: &'static Service, admin: &str, report: Option<&anyhow::Result<AdminReport>>) -> ServiceState {
    let known = ServiceState {
        service: service.name.to_owned(),
        about: service.about.to_owned(),
        admin: admin.to_owned(),
        ..ServiceState::default()
    };
    match report {
        Some(Ok(AdminReport { is_ready, waiting_for, metrics })) => ServiceState {
            is_ready: *is_ready,
            waiting_for: waiting_for.clone(),
            version: version(metrics, service.name),
            breakers: breakers(metrics, service),
            ..known
        },
        Some(Err(error)) => ServiceState { error: Some(format!("{error:#}")), ..known },
        None => known,
    }
}

fn address(service: &'static Service, settings: &Settings) -> Result<String, ConfigError> {
    if settings.host() == Host::SharedProcess
        && let Some(address) = settings.get(SHARED)
    {
        return Ok(address.to_owned());
    }
    let listens = service.admin_listen(settings)?;
    if let Some(host) = settings.get(HOST) {
        return Ok(format!("{}:{}", host.replace("{service}", service.name), listens.port()));
    }
    Ok(reachable(listens).to_string())
}

/// Returns the lines of a metric: the labels and the value of each.
fn series<'m>(metrics: &'m str, name: &'static str) -> impl Iterator<Item = (&'m str, &'m str)> {
    let lines = metrics.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix('{'));
    lines.filter_map(|line| line.rsplit_once("} "))
}

fn label<'m>(labels: &'m str, name: &str) -> Option<&'m str> {
    labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
}

fn version(metrics: &str, service: &str) -> Option<String> {
    let mut own = series(metrics, "build_info").filter(|(labels, _)| label(labels, "service") == Some(service));
    own.find_map(|(labels, _)| Some(label(labels, "version")?.to_owned()))
}

/// Returns the circuit breakers for the peers that the service calls. A process that runs all services reports all
/// breakers.
fn breakers(metrics: &str, service: &Service) -> Vec<Breaker> {
    let breaker = |(labels, value): (&str, &str)| {
        let peer = label(labels, "peer")?;
        let state = match value.trim() {
            "0" => "closed",
            "1" => "half open",
            _ => "open",
        };
        let is_own = service.calls.iter().any(|call| call.to == peer);
        is_own.then(|| Breaker { peer: peer.to_owned(), state: state.to_owned() })
    };
    series(metrics, "circuit_breaker_state").filter_map(breaker).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_and_the_breakers_of_a_service_are_read_from_metrics() {
        let peer = order::SERVICE.calls[0].to;
        let metrics = format!(
            "# TYPE circuit_breaker_state gauge\ncircuit_breaker_state{{peer=\"{peer}\"}} 2\n\
            circuit_breaker_state{{peer=\"another\"}} 1\nother{{peer=\"{peer}\"}} 1\n\
            build_info{{service=\"another\",version=\"1.2.3\"}} 1\nbuild_info{{service=\"one\",version=\"1.2.4\"}} 1\n"
        );

        assert_eq!(breakers(&metrics, &order::SERVICE), [Breaker { peer: peer.to_owned(), state: "open".to_owned() }]);
        assert_eq!(version(&metrics, "one").as_deref(), Some("1.2.4"));
        assert_eq!(version(&metrics, "none"), None);
    }

    #[test]
    fn an_admin_port_is_where_the_variables_say() {
        let at = |variables: &[(&str, &str)]| {
            let settings = Settings::from_variables(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
            address(&order::SERVICE, &settings).unwrap()
        };

        assert_eq!(at(&[]), "127.0.0.1:9466");
        assert_eq!(at(&[("LISTEN_IP", "0.0.0.0")]), "127.0.0.1:9466");
        assert_eq!(at(&[("LISTEN_IP", "0.0.0.0"), ("OPERATIONS_ADMIN_HOST", "{service}.shop")]), "order.shop:9466");
        assert_eq!(at(&[("ORDER_ADMIN_LISTEN", "127.0.0.2:7")]), "127.0.0.2:7");
        let shared =
            Settings::from_variables([("SHIPYARD_ADMIN_LISTEN", "127.0.0.1:9464".to_owned())]).for_shared_process();
        assert_eq!(address(&order::SERVICE, &shared).unwrap(), "127.0.0.1:9464");
    }
}
