//! A payment provider that misbehaves.

use std::time::Duration;

use stand_ins::{Mode, ProviderFault};
use tokio::time::sleep;

use super::inject;
use crate::fault::{Done, Fault, Injected, Stage};

pub const FAULTS: [Fault; 4] = [
    Fault {
        number: 7,
        name: "provider-silent",
        what: "the provider charges and does not answer, for 10 s",
        inject: inject!(silent),
    },
    Fault { number: 7, name: "provider-500", what: "the provider answers 500, then well", inject: inject!(failing) },
    Fault {
        number: 7,
        name: "provider-declines",
        what: "the provider declines every charge for 10 s",
        inject: inject!(declining),
    },
    Fault {
        number: 7,
        name: "provider-twice",
        what: "the provider charges, its answer is lost, and the repetition gets it a second time, for 10 s",
        inject: inject!(twice),
    },
];

async fn silent(stage: &mut Stage) -> anyhow::Result<Injected> {
    Ok(Injected::Times(be(stage, Mode::Charging(ProviderFault::Silent)).await))
}

async fn failing(stage: &mut Stage) -> anyhow::Result<Injected> {
    Ok(Injected::Times(be(stage, Mode::Charging(ProviderFault::Status(500))).await))
}

async fn declining(stage: &mut Stage) -> anyhow::Result<Injected> {
    Ok(Injected::Times(be(stage, Mode::Charging(ProviderFault::Declined("generic_decline"))).await))
}

async fn twice(stage: &mut Stage) -> anyhow::Result<Injected> {
    let before = stage.world.provider.replayed();
    let mut done = be(stage, Mode::Duplicating).await;
    let again = stage.world.provider.replayed() - before;
    if again == 0 {
        done.problems.push("it was missed: no answer was given a second time".to_owned());
    }
    done.notes.push(format!("{again} answers were given a second time"));
    Ok(Injected::Times(done))
}

/// So for a while: how many charges met it.
async fn be(stage: &mut Stage, mode: Mode) -> Done {
    let before = stage.world.provider.faults_met();
    stage.world.provider.be(mode);
    sleep(Duration::from_secs(stage.scale(10, 5))).await;
    stage.world.provider.be(Mode::Well);
    stage.gone();
    Done::some(stage.world.provider.faults_met() - before, "no charge met it")
}
