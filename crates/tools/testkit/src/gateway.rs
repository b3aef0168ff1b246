//! The gateway of `deploy/envoy` in a container on this machine's network, in front of a test's services.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};

use crate::{containers, test_run::Run};

const IMAGE: (&str, &str) = ("envoyproxy/envoy", "v1.40.0");
/// The directory of the gateway's files on this machine.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../deploy/envoy");
/// Their directory in the container.
const TARGET: &str = "/etc/shipyard/envoy";
/// The port of the gateway's admin API in `envoy.yaml`.
const ADMIN: u16 = 9901;

#[derive(Clone, Debug)]
pub struct Upstream {
    pub name: &'static str,
    /// The default port of each API, and its address in the test.
    pub apis: Vec<(u16, SocketAddr)>,
    /// The default admin port, and its address in the test.
    pub admin: (u16, SocketAddr),
}

#[derive(Clone, Copy, Debug, Default)]
pub struct GatewaySettings {
    /// The server that decides in iam's place whether a caller is admitted.
    pub check: Option<SocketAddr>,
    /// The collector of traces over OTLP. With `None`, the gateway begins no traces.
    pub collector: Option<SocketAddr>,
    /// The number of proxies in front of the gateway whose entries in `X-Forwarded-For` count.
    pub trusted_hops: u8,
}

/// A running gateway. Dropping it removes the container.
pub struct Gateway {
    container: ContainerAsync<GenericImage>,
    listeners: HashMap<u16, SocketAddr>,
}

impl Gateway {
    /// Starts a gateway; returns `None` without a container engine.
    pub async fn start(upstreams: &[Upstream], settings: GatewaySettings) -> Option<Self> {
        if let Err(error) = containers::sweep().await {
            eprintln!("no container engine, so the gateway is not tested: {error:#}");
            return None;
        }
        match Self::try_start(upstreams, settings).await {
            Ok(gateway) => Some(gateway),
            Err(error) => panic!("{error:#}"),
        }
    }

    async fn try_start(upstreams: &[Upstream], settings: GatewaySettings) -> anyhow::Result<Self> {
        let read = |name: &str| std::fs::read(Path::new(FILES).join(name)).with_context(|| format!("reading {name}"));
        let (mut configuration, listeners) = placed(&String::from_utf8(read("envoy.yaml")?)?, upstreams)?;
        if let Some(check) = settings.check {
            configuration = checked_by(check, &configuration);
        }
        let endpoint = settings.collector.map(|collector| format!("http://{collector}")).unwrap_or_default();
        let image = GenericImage::new(IMAGE.0, IMAGE.1)
            .with_entrypoint("bash")
            .with_network("host")
            .with_env_var("GATEWAY_TRUSTED_HOPS", settings.trusted_hops.to_string())
            .with_env_var("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .with_copy_to(format!("{TARGET}/envoy.yaml"), configuration.into_bytes())
            .with_copy_to(format!("{TARGET}/descriptors.pb"), read("descriptors.pb")?)
            .with_copy_to(format!("{TARGET}/start"), read("start")?)
            .with_cmd([
                &format!("{TARGET}/start"),
                "--concurrency",
                "1",
                "--log-level",
                "warning",
                "--disable-hot-restart",
            ]);
        let (container, name) = containers::launch(image, Run::current()).await?;
        let ready = format!("http://{}/ready", listeners[&ADMIN]);
        let client = platform::http::client(Duration::from_secs(1))?;
        containers::answers(&container, &name, async || {
            let response = client.get(&ready).send().await?;
            anyhow::ensure!(response.status() == 200, "{}", response.text().await?);
            Ok(())
        })
        .await?;
        Ok(Self { container, listeners })
    }

    /// Returns the gateway's address for the API that has this port in a deployment.
    pub fn address(&self, port: u16) -> SocketAddr {
        self.listeners[&port]
    }

    pub async fn log(&self) -> String {
        String::from_utf8_lossy(&self.container.stdout_to_vec().await.expect("the container has a log")).into_owned()
    }
}

/// Replaces the addresses in `envoy.yaml`: listeners get free ports of this machine, and clusters the test's services,
/// or the gateway's own listener.
fn placed(configuration: &str, upstreams: &[Upstream]) -> anyhow::Result<(String, HashMap<u16, SocketAddr>)> {
    let mut listeners = HashMap::new();
    let mut lines = Vec::new();
    for line in configuration.lines() {
        let mut line = line.to_owned();
        if let Some(port) =
            number(&line, "address: 0.0.0.0, port_value: ").or(number(&line, "address: 127.0.0.1, port_value: "))
        {
            let free = match listeners.entry(port) {
                Entry::Occupied(listener) => *listener.get(),
                Entry::Vacant(listener) => *listener.insert(servers::free_address()?),
            };
            let [of_all, of_host] = ["0.0.0.0", "127.0.0.1"].map(|ip| format!("address: {ip}, port_value: {port} "));
            let own = format!("address: {}, port_value: {} ", free.ip(), free.port());
            line = line.replace(&of_all, &own).replace(&of_host, &own);
        }
        for upstream in upstreams {
            for (port, address) in &upstream.apis {
                let own = format!("address: {}, port_value: {port} ", upstream.name);
                line = line.replace(&own, &format!("address: {}, port_value: {} ", address.ip(), address.port()));
            }
            let (port, admin) = upstream.admin;
            let check = |port| format!("health_check_config: {{ port_value: {port} ");
            line = line.replace(&check(port), &check(admin.port()));
        }
        lines.push(line);
    }
    Ok((lines.join("\n") + "\n", listeners))
}

/// Replaces the address of the cluster for Check, and removes its health check.
fn checked_by(check: SocketAddr, configuration: &str) -> String {
    let (before, cluster) = configuration.split_once("    - name: iam-check\n").expect("a cluster for Check");
    let cluster = cluster.replacen("      health_checks: *ready\n", "", 1);
    let address = format!("{{ socket_address: {{ address: {}, port_value: {} }} }}", check.ip(), check.port());
    let endpoints = format!("endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {address} }} }}] }}] }}");
    format!("{before}    - name: iam-check\n{}", cluster.replacen("endpoints: *iam }", &endpoints, 1))
}

/// Returns the number that follows this text.
fn number(line: &str, text: &str) -> Option<u16> {
    let (_, rest) = line.split_once(text)?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
