//! A payment provider that misbehaves.

use std::time::Duration;

use stand_ins::{Mode, ProviderFault};
use tokio::time::sleep;

use super::inject;
use crate::experiment::{Experiment, Fault, Injected, Injection};

pub const FAULTS: [Fault; 4] = [
    Fault {
        number: 7,
        name: "provider-silent",
        what: "the provider charges and does not answer, for 10 s",
        inject: inject!(silent),
    },
    Fault {
        number: 7,
        name: "provider-500",
        what: "the provider answers 500, then recovers",
        inject: inject!(failing),
    },
    Fault {
        number: 7,
        name: "provider-declines",
        what: "the provider declines every charge for 10 s",
        inject: inject!(declining),
    },
    Fault {
        number: 7,
        name: "provider-twice",
        what: "the provider charges and the answer is lost; the retry gets a replay, for 10 s",
        inject: inject!(twice),
    },
];

async fn silent(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    Ok(Injected::Done(be(experiment, Mode::Charging(ProviderFault::Silent)).await))
}

async fn failing(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    Ok(Injected::Done(be(experiment, Mode::Charging(ProviderFault::Status(500))).await))
}

async fn declining(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    Ok(Injected::Done(be(experiment, Mode::Charging(ProviderFault::Declined("generic_decline"))).await))
}

async fn twice(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = experiment.cluster.provider.replayed();
    let mut done = be(experiment, Mode::Duplicating).await;
    let again = experiment.cluster.provider.replayed() - before;
    if again == 0 {
        done.problems.push("the fault had no effect: no answer was replayed".to_owned());
    }
    done.notes.push(format!("{again} answers were replayed"));
    Ok(Injected::Done(done))
}

/// Sets the provider's mode for a while. Returns how many charges it affected.
async fn be(experiment: &mut Experiment, mode: Mode) -> Injection {
    let before = experiment.cluster.provider.faults_met();
    experiment.cluster.provider.be(mode);
    sleep(Duration::from_secs(experiment.scale(10, 5))).await;
    experiment.cluster.provider.be(Mode::Well);
    experiment.cause_removed();
    Injection::at_least_one(experiment.cluster.provider.faults_met() - before, "no charge met the fault")
}
