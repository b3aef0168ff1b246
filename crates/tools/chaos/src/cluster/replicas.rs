//! The replicas of all services. A loop checks which replicas are ready, and points the proxies of [`Links`] at them,
//! like a load balancer.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use futures::future::join_all;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::{links::Links, replica::Replica};
use operations::registry::SERVICES;
use platform::server::service::Service;

const POLL_INTERVAL: Duration = Duration::from_millis(300);
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);
const METRICS_TIMEOUT: Duration = Duration::from_secs(2);
/// A replica must be ready within this time on a busy machine.
pub const STARTUP_TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Default)]
struct Seen {
    round: u64,
    ready: Vec<(&'static Service, usize)>,
}

pub struct Replicas {
    replicas: Vec<Replica>,
    seen: watch::Receiver<Seen>,
    peak: Arc<AtomicU64>,
    client: reqwest::Client,
    _gateway: AbortOnDropHandle<()>,
}

impl Replicas {
    /// Creates `count` replicas of each service without starting them.
    pub fn new(count: fn(&Service) -> usize, directory: &Path, links: Arc<Links>) -> anyhow::Result<Self> {
        let all = SERVICES.into_iter().flat_map(|service| (0..count(service)).map(move |number| (service, number)));
        let replicas: Vec<Replica> = all
            .map(|(service, number)| Replica::new(service, number, directory.to_owned()))
            .collect::<anyhow::Result<_>>()?;
        let addresses = replicas.iter().map(|one| Address {
            service: one.service,
            number: one.number,
            listen: one.listen,
            called_at: one.called_at,
            admin: one.admin,
            pid: one.pid(),
        });
        let (tell, seen) = watch::channel(Seen::default());
        let client = platform::http::client(CHECK_TIMEOUT)?;
        let peak = Arc::new(AtomicU64::default());
        let gateway = tokio::spawn(gateway(addresses.collect(), links, tell, client.clone(), peak.clone()));
        Ok(Self { replicas, seen, peak, client, _gateway: AbortOnDropHandle::new(gateway) })
    }

    pub fn all(&mut self) -> impl Iterator<Item = &mut Replica> {
        self.replicas.iter_mut()
    }

    pub fn of(&mut self, service: &'static Service) -> impl Iterator<Item = &mut Replica> {
        self.replicas.iter_mut().filter(move |replica| replica.service == service)
    }

    pub fn get(&mut self, service: &'static Service, number: usize) -> anyhow::Result<&mut Replica> {
        let found = self.of(service).find(|replica| replica.number == number);
        found.with_context(|| format!("there is no replica {number} of {service}"))
    }

    /// Returns the number of the replica whose instance id, with which it holds leases, is `instance`.
    pub fn of_instance(&mut self, service: &'static Service, instance: &str) -> anyhow::Result<usize> {
        let found = port(instance).and_then(|port| self.of(service).find(|replica| replica.listen.port() == port));
        found.map(|replica| replica.number).with_context(|| format!("{instance} is no replica of {service}"))
    }

    /// Returns the processes' unexpected exits since the last call, one sentence each.
    pub fn unexpected_exits(&mut self) -> Vec<String> {
        self.replicas.iter_mut().flat_map(Replica::unexpected_exits).collect()
    }

    pub fn count(&self, service: &Service) -> usize {
        self.replicas.iter().filter(|replica| replica.service == service).count()
    }

    pub async fn kill(&mut self, service: &'static Service) {
        join_all(self.of(service).map(Replica::kill)).await;
    }

    /// Starts all replicas of a service with extra variables `more`. None of them may be running.
    pub fn start(&mut self, service: &'static Service, more: &[(&str, &str)]) -> anyhow::Result<()> {
        self.of(service).try_for_each(|replica| replica.start(more))
    }

    pub async fn kill_all(&mut self) {
        for service in SERVICES {
            self.kill(service).await;
        }
    }

    /// Starts all replicas, and returns when they are ready. None of them may be running.
    pub async fn revive_all(&mut self) -> anyhow::Result<()> {
        self.replicas.iter_mut().try_for_each(|replica| replica.start(&[]))?;
        self.all_ready().await
    }

    /// Starts all replicas of a service, and returns when they are ready. None of them may be running.
    pub async fn revive(&mut self, service: &'static Service) -> anyhow::Result<()> {
        self.start(service, &[])?;
        for number in 0..self.count(service) {
            self.ready(service, number).await?;
        }
        Ok(())
    }

    /// Replaces the processes of a service one after another, with extra variables `more`.
    pub async fn replace(&mut self, service: &'static Service, more: &[(&str, &str)]) -> anyhow::Result<()> {
        for number in 0..self.count(service) {
            self.restart(service, number, more).await?;
            self.ready(service, number).await?;
        }
        Ok(())
    }

    /// Terminates a process, and starts it again with extra variables `more`.
    pub async fn restart(
        &mut self,
        service: &'static Service,
        number: usize,
        more: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let replica = self.get(service, number)?;
        replica.terminate().await;
        replica.start(more)
    }

    /// Returns when this replica is ready; fails after [`STARTUP_TIMEOUT`].
    pub async fn ready(&self, service: &'static Service, number: usize) -> anyhow::Result<()> {
        let mut seen = self.seen.clone();
        // Two rounds on, since the present one may have asked the process that this one replaces.
        let fresh = seen.borrow().round + 2;
        let ready = seen.wait_for(|seen| seen.round >= fresh && seen.ready.contains(&(service, number)));
        let waited = tokio::time::timeout(STARTUP_TIMEOUT, ready).await;
        waited.with_context(|| format!("{service} {number} is not ready after {STARTUP_TIMEOUT:?}; see its log"))??;
        Ok(())
    }

    pub async fn all_ready(&self) -> anyhow::Result<()> {
        for replica in &self.replicas {
            self.ready(replica.service, replica.number).await?;
        }
        Ok(())
    }

    /// Returns the largest resident memory of a process since the last call of [`peak_memory`](Self::peak_memory), in
    /// bytes.
    pub fn most_memory(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Returns the sum of a counter over a service's processes and over its labels.
    pub async fn metric(&self, service: &'static Service, name: &str) -> anyhow::Result<f64> {
        let metrics = self.metrics(service).await?;
        Ok(sum(&metrics, |line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))))
    }

    /// Returns the metrics of a service's processes in Prometheus' text format, concatenated.
    pub async fn metrics(&self, service: &'static Service) -> anyhow::Result<String> {
        let mut metrics = String::new();
        for replica in self.replicas.iter().filter(|replica| replica.service == service) {
            let request = self.client.get(format!("http://{}/metrics", replica.admin)).timeout(METRICS_TIMEOUT);
            let response = request.send().await.with_context(|| format!("asking {service} for its metrics"))?;
            metrics.push_str(&response.text().await?);
        }
        Ok(metrics)
    }

    /// Returns the largest resident memory of a process since the last call, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.peak.swap(0, Ordering::Relaxed)
    }
}

pub fn sum(metrics: &str, wanted: impl Fn(&str) -> bool) -> f64 {
    let own = metrics.lines().filter(|line| wanted(line));
    own.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

struct Address {
    service: &'static Service,
    number: usize,
    listen: SocketAddr,
    called_at: SocketAddr,
    admin: SocketAddr,
    pid: Arc<AtomicI32>,
}

/// Checks all replicas in a loop, and points the links at the ready ones; if none of a service is ready, at all of
/// them. Also measures the memory of their processes.
async fn gateway(
    addresses: Vec<Address>,
    links: Arc<Links>,
    sees: watch::Sender<Seen>,
    client: reqwest::Client,
    peak: Arc<AtomicU64>,
) {
    loop {
        let most = addresses.iter().filter_map(|one| memory(one.pid.load(Ordering::Relaxed))).max();
        peak.fetch_max(most.unwrap_or_default(), Ordering::Relaxed);
        let responses = join_all(addresses.iter().map(|address| is_ready(&client, address.admin))).await;
        let well: Vec<&Address> =
            addresses.iter().zip(responses).filter(|(_, ready)| *ready).map(|(one, _)| one).collect();
        for service in SERVICES {
            let own = |one: &Address| (one.service == service).then_some((one.listen, one.called_at));
            let mut targets: Vec<(SocketAddr, SocketAddr)> = well.iter().filter_map(|one| own(one)).collect();
            if targets.is_empty() {
                targets = addresses.iter().filter_map(own).collect();
            }
            links.aim(service, &targets);
        }
        sees.send_modify(|seen| {
            seen.round += 1;
            seen.ready = well.iter().map(|one| (one.service, one.number)).collect();
        });
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn is_ready(client: &reqwest::Client, admin: SocketAddr) -> bool {
    let response = client.get(format!("http://{admin}/health/ready")).send().await;
    response.is_ok_and(|response| response.status().is_success())
}

/// Returns the resident memory in bytes, if the system reports it (Linux).
fn memory(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Returns the port in an instance id: host name, port and UUID, with hyphens between them and in the UUID.
fn port(instance: &str) -> Option<u16> {
    instance.rsplit('-').nth(5)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_has_the_port_of_its_process() {
        let uuid = platform::ids::random();

        assert_eq!(port(&format!("my-host-4711-{uuid}")), Some(4_711));
        assert_eq!((port(&uuid.to_string()), port("")), (None, None));
    }
}
