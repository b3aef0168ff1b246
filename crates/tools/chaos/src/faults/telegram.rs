//! Telegram is unavailable, rate-limits, does not answer, or rejects messages.

use std::time::Duration;

use stand_ins::TelegramMode;
use tokio::time::sleep;

use super::inject;
use crate::{
    cluster::{Cluster, Link},
    experiment::{Experiment, Fault, Injected, Injection},
};

pub const FAULTS: [Fault; 5] = [
    Fault {
        number: 11,
        name: "telegram-down",
        what: "Telegram cannot be reached for five minutes",
        inject: inject!(down),
    },
    Fault {
        number: 11,
        name: "telegram-429",
        what: "Telegram answers 429 with retry_after 3 s, for 10 s",
        inject: inject!(hurried),
    },
    Fault {
        number: 11,
        name: "telegram-silent",
        what: "Telegram accepts ten messages and answers none of them",
        inject: inject!(silent),
    },
    Fault {
        number: 11,
        name: "telegram-502",
        what: "Telegram accepts ten messages and answers 502",
        inject: inject!(bad_gateway),
    },
    Fault {
        number: 11,
        name: "telegram-403",
        what: "Telegram rejects ten messages permanently",
        inject: inject!(unwilling),
    },
];

const MESSAGES: usize = 10;
const HURRIED: TelegramMode = TelegramMode::TooMany { retry_after: 3 };
/// After this time, every message that was in flight when the network was cut has arrived.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(1);

async fn down(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(experiment.scale(300, 10));
    experiment.cluster.links.get(Link::Telegram)?.cut();
    sleep(IN_FLIGHT_TIME).await;
    let before = experiment.cluster.telegram.messages().len();
    sleep(lasting.saturating_sub(IN_FLIGHT_TIME)).await;
    let arrived = experiment.cluster.telegram.messages().len() - before;
    let waiting = queued(&experiment.cluster).await?;
    experiment.cluster.links.get(Link::Telegram)?.restore();
    experiment.cause_removed();
    let mut done = Injection { times: 1, notes: vec![format!("{waiting} messages waited")], ..Injection::default() };
    if waiting == 0 || arrived > 0 {
        done.problems.push(format!("the fault had no effect: {waiting} messages waited, {arrived} arrived meanwhile"));
    }
    Ok(Injected::Done(done))
}

async fn hurried(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = experiment.cluster.telegram.met(HURRIED);
    experiment.cluster.telegram.be(HURRIED);
    sleep(Duration::from_secs(experiment.scale(10, 5))).await;
    experiment.cluster.telegram.be(TelegramMode::Well);
    experiment.cause_removed();
    Ok(Injected::Done(Injection::at_least_one(
        experiment.cluster.telegram.met(HURRIED) - before,
        "no message was answered 429",
    )))
}

async fn silent(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    script(experiment, TelegramMode::Silent).await
}

async fn bad_gateway(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    script(experiment, TelegramMode::BadGateway).await
}

async fn unwilling(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    script(experiment, TelegramMode::Forbidden).await
}

/// Sets the mode for the next messages. Returns how many it affected.
async fn script(experiment: &mut Experiment, mode: TelegramMode) -> anyhow::Result<Injected> {
    let before = experiment.cluster.telegram.met(mode);
    experiment.cluster.telegram.script([mode; MESSAGES]);
    sleep(Duration::from_secs(experiment.scale(15, 8))).await;
    experiment.cause_removed();
    Ok(Injected::Done(Injection::at_least_one(
        experiment.cluster.telegram.met(mode) - before,
        "no message met the fault",
    )))
}

async fn queued(cluster: &Cluster) -> anyhow::Result<i64> {
    cluster.count(&notification::SERVICE, "select count(*) from notifications where status = 'queued'").await
}
