//! The ratios, in the order of their numbers.

mod backlog;
mod delay;
mod growth;
mod orders;
mod processes;
mod relay;
mod sessions;
mod whole_orders;

use futures::future::LocalBoxFuture;

pub use self::whole_orders::warm_up;
use crate::{lab::Lab, report::Row};

/// The default number of concurrent requests.
const CONCURRENT_REQUESTS: usize = 64;

/// The ratios whose measured work does not pass through the broker.
const WITHOUT_BROKER: [&str; 3] = ["P2", "P5", "P10"];

#[derive(Clone, Copy)]
pub struct Ratio {
    pub id: &'static str,
    pub what: &'static str,
    pub measure: for<'a> fn(&'a Lab) -> LocalBoxFuture<'a, anyhow::Result<Vec<Row>>>,
}

impl Ratio {
    /// Returns true if the measured work passes through the broker, which must then be warmed up.
    pub fn uses_broker(&self) -> bool {
        !WITHOUT_BROKER.contains(&self.id)
    }
}

pub const ALL: &[Ratio] = &[
    Ratio {
        id: "P1",
        what: "POST /orders ÷ L (whoami, one reservation write, one order write, HTTP), on 12 parts and on 10 000",
        measure: |lab| Box::pin(orders::create(lab)),
    },
    Ratio { id: "P2", what: "Whoami ÷ L (empty gRPC, Redis GET)", measure: |lab| Box::pin(sessions::whoami(lab)) },
    Ratio {
        id: "P3",
        what: "commit → effect in the next service ÷ raw produce → consume, p50 and p99",
        measure: |lab| Box::pin(delay::delay(lab)),
    },
    Ratio {
        id: "P4",
        what: "relay events/s ÷ min(outbox drain alone, producer alone), batch of 500",
        measure: |lab| Box::pin(relay::relay(lab)),
    },
    Ratio {
        id: "P5",
        what: "logins a second ÷ hashes a second; p99 of Whoami in a flood of logins ÷ alone",
        measure: |lab| Box::pin(sessions::login(lab)),
    },
    Ratio {
        id: "P6",
        what: "whole orders (create, pay, assemble, notify) a second ÷ their commits as single inserts",
        measure: |lab| Box::pin(whole_orders::whole(lab)),
    },
    Ratio {
        id: "P9",
        what: "events handled a second after a stop of the broker ÷ while it runs",
        measure: |lab| Box::pin(backlog::backlog(lab)),
    },
    Ratio {
        id: "P10",
        what: "memory of the six services, idle and at half of peak",
        measure: |lab| Box::pin(processes::memory(lab)),
    },
    Ratio {
        id: "P11",
        what: "start → ready, the infrastructure there",
        measure: |lab| Box::pin(processes::start(lab)),
    },
    Ratio { id: "P12", what: "throughput with telemetry on ÷ off", measure: |lab| Box::pin(orders::telemetry(lab)) },
    Ratio {
        id: "P13",
        what: "POST /orders on one hot part ÷ on 10 000 parts",
        measure: |lab| Box::pin(orders::hot_part(lab)),
    },
    Ratio {
        id: "G1",
        what: "creating, listing and paying orders with 100 000 and 1 000 000 orders in the tables ÷ with 1 000",
        measure: |lab| Box::pin(growth::orders_in_the_tables(lab)),
    },
    Ratio {
        id: "G2",
        what: "POST /orders of 10 and of 1 000 parts ÷ of one",
        measure: |lab| Box::pin(growth::parts_in_an_order(lab)),
    },
];

/// Returns the ratios with these ids, in the order of the list; all ratios if `ids` is empty. Fails for an unknown id.
pub fn chosen(ids: &[String]) -> anyhow::Result<Vec<Ratio>> {
    let is = |ratio: &Ratio, id: &str| ratio.id.eq_ignore_ascii_case(id.trim());
    for id in ids {
        let known = ALL.iter().any(|ratio| is(ratio, id));
        let all: Vec<&str> = ALL.iter().map(|ratio| ratio.id).collect();
        anyhow::ensure!(known, "there is no ratio `{}`; there are {}", id.trim(), all.join(", "));
    }
    let wanted = |ratio: &&Ratio| ids.is_empty() || ids.iter().any(|id| is(ratio, id));
    Ok(ALL.iter().filter(wanted).copied().collect())
}
