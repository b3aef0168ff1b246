//! A payment provider that misbehaves.

use stand_ins::{Mode, ProviderFault};
use tokio::time::sleep;

use super::inject;
use crate::experiment::{Experiment, Fault, Injected, Injection};

pub const FAULTS: [Fault; 4] = [
    Fault::new(
        7,
        "provider-silent",
        "the provider charges and does not answer",
        inject!(be(Mode::Charging(ProviderFault::Silent))),
    )
    .lasting(10, 5),
    Fault::new(
        7,
        "provider-500",
        "the provider answers 500, then recovers",
        inject!(be(Mode::Charging(ProviderFault::Status(500)))),
    )
    .lasting(10, 5),
    Fault::new(
        7,
        "provider-declines",
        "the provider declines every charge",
        inject!(be(Mode::Charging(ProviderFault::Declined("generic_decline")))),
    )
    .lasting(10, 5),
    Fault::new(
        7,
        "provider-twice",
        "the provider charges and the answer is lost; the retry gets a replay",
        inject!(be(Mode::Duplicating)),
    )
    .lasting(10, 5),
];

/// Sets the provider's mode for a while. Returns how many charges it affected.
async fn be(experiment: &mut Experiment, mode: Mode) -> anyhow::Result<Injected> {
    let provider = &experiment.cluster.provider;
    let (met, replayed) = (provider.faults_met(), provider.replayed());
    provider.be(mode);
    sleep(experiment.lasting).await;
    let provider = &experiment.cluster.provider;
    provider.be(Mode::Well);
    let (met, replayed) = (provider.faults_met() - met, provider.replayed() - replayed);
    experiment.cause_removed();
    let mut done = Injection::at_least_one(met, "no charge met the fault");
    if mode == Mode::Duplicating && replayed == 0 {
        done.idle.push("no answer was replayed".to_owned());
    }
    done.notes.push(format!("{replayed} answers were replayed"));
    Ok(Injected::Done(done))
}
