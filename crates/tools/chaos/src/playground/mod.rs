//! The playground: the whole system as separate processes without load. A visitor injects one fault at a time while an
//! order of theirs is on its way.

mod choices;
mod state;

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use console::client::Incident;
use drive::customers::Load;
use platform::{postgres::Database, server::service::Service};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use self::choices::{Begins, Choice};
pub use self::state::{Handle, Offer, Refusal, State};
use crate::{
    cluster::{Cluster, Link, Options},
    experiment::{Cause, Experiment, Injected, Injection},
    faults,
};

/// A visitor has time to read and to click.
const VARIABLES: [(&str, &str); 4] = [
    ("ORDER_PAYMENT_DEADLINE", "1h"),
    ("ASSEMBLY_BUILD_MIN", "3s"),
    ("ASSEMBLY_BUILD_MAX", "5s"),
    ("DELIVERY_MOVE_EVERY", "500ms"),
];
/// The services with two processes: in some faults, one takes over from the other.
const TWICE: [&Service; 3] = [&order::SERVICE, &assembly::SERVICE, &delivery::SERVICE];
/// A fault that acts on an order waits this long for one.
const ORDER_TIMEOUT: Duration = Duration::from_mins(1);
/// Shorter than an attempt to pay takes, so that a fault can affect the attempt.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const RETRY_POLL_INTERVAL: Duration = Duration::from_millis(500);
const RETRY: &str = "payment asked again";

/// Orders that are being paid, built or carried.
const ON_THEIR_WAY: &str = "select count(*) from orders where attempt_method is not null or status = 'PAID'
    or (status = 'ASSEMBLED' and delivery_address is not null
        and coalesce(delivery_status, 'PENDING') not in ('DELIVERED', 'FAILED'))";
/// A process that takes over an attempt to pay from another one increments the attempt's epoch. The triggers of
/// [`recording`](crate::recording) record when.
const RETRIES: &str = "select key, at from (
        select key, at, state, lag(state) over (partition by key order by id) as was
        from recorded_transitions where state ? 'attempt_epoch'
    ) as step
    where was ->> 'attempt_method' is not null
        and (state ->> 'attempt_epoch')::bigint > (was ->> 'attempt_epoch')::bigint
    order by at limit 1000";

pub struct Playground {
    experiment: Experiment,
    orders: Database,
    chosen: mpsc::Receiver<&'static Choice>,
    handle: Handle,
    _retries: AbortOnDropHandle<()>,
}

impl Playground {
    /// Starts the shop with a mock Kafka, and with two processes of a service only where a fault needs them. `panel` is
    /// the origin of the page that the console embeds. Data and logs go into `directory`, which is emptied.
    pub async fn start(directory: &Path, panel: &str) -> anyhow::Result<Self> {
        let variables = VARIABLES.into_iter().chain([("PLAYGROUND_URL", panel)]);
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let replicas = |service: &Service| if TWICE.contains(&service) { 2 } else { 1 };
        let cluster = Cluster::start(directory, &Options { replicas, container: false, variables }).await?;
        let (orders, disk) = (cluster.pool(&order::SERVICE)?, cluster.servers.disk.as_ref().err().cloned());
        let experiment = Experiment::new(cluster, Load::none(), 0, true, 1);
        let (handle, chosen) = Handle::new(disk.as_deref(), experiment.cause.subscribe());
        let retries = AbortOnDropHandle::new(tokio::spawn(watch_retries(orders.clone(), handle.clone())));
        Ok(Self { experiment, orders, chosen, handle, _retries: retries })
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Returns the address of the console.
    pub fn console(&self) -> anyhow::Result<SocketAddr> {
        self.experiment.cluster.links.address(Link::Front(&console::SERVICE))
    }

    /// Injects what visitors choose until `stop`. Then ends all processes and deletes their data.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.play()).await;
        self.experiment.cluster.stop().await;
    }

    async fn play(&mut self) {
        while let Some(choice) = self.chosen.recv().await {
            let outcome = self.inject(choice).await.unwrap_or_else(|error| format!("It failed: {error:#}."));
            let healed = self.experiment.cluster.heal().await;
            if self.experiment.cause.borrow().removed.is_none() {
                self.experiment.cause_removed();
            }
            let healed = healed.map_or_else(|error| format!(" The repair failed: {error:#}."), |()| String::new());
            self.handle.end(choice, &format!("{outcome}{healed}"));
            self.experiment.cause.send_replace(Cause::default());
        }
    }

    /// Returns the outcome as a sentence.
    async fn inject(&mut self, choice: &Choice) -> anyhow::Result<String> {
        let fault =
            faults::all().into_iter().find(|fault| fault.name == choice.fault).context("there is no such row")?;
        self.experiment.begin(&fault);
        if choice.begins == Begins::WithAnOrder && !is_on_its_way(&self.orders).await? {
            return Ok(format!("No order was on its way within {} s.", ORDER_TIMEOUT.as_secs()));
        }
        Ok(match (fault.inject)(&mut self.experiment).await? {
            Injected::Skipped(reason) => format!("It cannot be injected here: {reason}."),
            Injected::Done(Injection { problems, idle, notes, .. }) => {
                let said: Vec<String> = problems.into_iter().chain(idle).chain(notes).collect();
                if said.is_empty() { String::new() } else { format!("{}.", said.join("; ")) }
            }
        })
    }
}

/// Waits for an order that is on its way. Returns false if there is none within [`ORDER_TIMEOUT`].
async fn is_on_its_way(orders: &Database) -> anyhow::Result<bool> {
    let begun = Instant::now();
    loop {
        let count: i64 = sqlx::query_scalar(ON_THEIR_WAY).fetch_one(orders).await?;
        if count > 0 || begun.elapsed() > ORDER_TIMEOUT {
            return Ok(count > 0);
        }
        sleep(POLL_INTERVAL).await;
    }
}

async fn watch_retries(orders: Database, handle: Handle) {
    let retry = |(order, at): (String, DateTime<Utc>)| Incident {
        text: RETRY.to_owned(),
        begun: at,
        ended: Some(at),
        order: Uuid::try_parse(&order).ok(),
        is_fault: false,
    };
    loop {
        // Without PostgreSQL the known retries stay.
        if let Ok(retries) = sqlx::query_as::<_, (String, DateTime<Utc>)>(RETRIES).fetch_all(&orders).await {
            handle.retried(retries.into_iter().map(retry).collect());
        }
        sleep(RETRY_POLL_INTERVAL).await;
    }
}
