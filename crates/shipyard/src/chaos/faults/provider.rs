//! A payment provider that misbehaves.

use std::time::Duration;

use ::faults::{Mode, ProviderFault};
use tokio::time::sleep;

use super::inject;
use crate::chaos::fault::{Fault, Injected, Stage};

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
        what: "each charge reaches the provider twice, for 10 s",
        inject: inject!(twice),
    },
];

async fn silent(stage: &mut Stage) -> anyhow::Result<Injected> {
    be(stage, Mode::Charging(ProviderFault::Silent)).await
}

async fn failing(stage: &mut Stage) -> anyhow::Result<Injected> {
    be(stage, Mode::Charging(ProviderFault::Status(500))).await
}

async fn declining(stage: &mut Stage) -> anyhow::Result<Injected> {
    be(stage, Mode::Charging(ProviderFault::Declined("generic_decline"))).await
}

async fn twice(stage: &mut Stage) -> anyhow::Result<Injected> {
    be(stage, Mode::Duplicating).await
}

/// So for a while: the number of charges and refunds that were asked for meanwhile.
async fn be(stage: &mut Stage, mode: Mode) -> anyhow::Result<Injected> {
    let provider = &stage.world.provider;
    let before = provider.posts().len();
    provider.be(mode);
    sleep(Duration::from_secs(stage.scale(10, 5))).await;
    provider.be(Mode::Well);
    Injected::times(provider.posts().len() - before)
}
