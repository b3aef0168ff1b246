//! All of it at once, from a seed.

mod action;
mod harm;
mod plan;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::action::Storm;
pub use self::{harm::Harm, plan::plan};
use super::inject;
use crate::fault::{Done, Fault, Injected, Stage};

pub const FAULTS: [Fault; 1] =
    [Fault { number: 15, name: "storm", what: "all of it at once, for ten minutes", inject: inject!(storm) }];

/// Something that begins at a moment and is over at another.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Since the storm began.
    pub at: Duration,
    pub lasts: Duration,
    pub harm: Harm,
}

/// Does what is planned, all of it. What takes long makes the next come late, and in its order all the same.
async fn storm(stage: &mut Stage) -> anyhow::Result<Injected> {
    let length = Duration::from_secs(stage.scale(600, 30));
    let servers = &stage.world.servers;
    let (real_broker, disk) = (servers.broker.real().is_ok(), servers.disk.is_ok());
    let events = plan(&mut stage.random, length, stage.world.fleet.count(), real_broker, disk);
    let mut steps: Vec<(Duration, bool, &Event)> =
        events.iter().flat_map(|event| [(event.at, true, event), (event.at + event.lasts, false, event)]).collect();
    // What ends at a moment ends before anything else begins.
    steps.sort_by_key(|(at, begins, _)| (*at, *begins));
    let begun = Instant::now();
    let mut done = Done { ends_sessions: true, ..Done::default() };
    let mut storm = Storm::new(&mut stage.world);
    for (at, begins, event) in steps {
        sleep_until(begun + at).await;
        let outcome = if begins { storm.begin(event.harm).await } else { storm.end(event.harm).await };
        if let Err(error) = outcome {
            let what = if begins { "begin" } else { "end" };
            done.problems.push(format!("`{event}` did not {what}: {error:#}"));
        }
        tracing::info!(%event, begins, late = ?(begun.elapsed().saturating_sub(at)), "storm");
        done.times += usize::from(begins);
    }
    stage.gone();
    if !real_broker {
        done.notes.push("nothing was done to Kafka, which is a mock".to_owned());
    }
    if !disk {
        done.notes.push("no disk was full: there is none of its own".to_owned());
    }
    Ok(Injected::Times(done))
}
