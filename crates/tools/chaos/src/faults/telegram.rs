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
    Fault::new(11, "telegram-down", "Telegram cannot be reached", inject!(down)).lasting(300, 10),
    Fault::new(11, "telegram-429", "Telegram answers 429 with retry_after 3 s", inject!(hurried)).lasting(10, 5),
    Fault::new(
        11,
        "telegram-silent",
        "Telegram accepts ten messages and answers none of them",
        inject!(script(TelegramMode::Silent)),
    )
    .lasting(15, 8),
    Fault::new(
        11,
        "telegram-502",
        "Telegram accepts ten messages and answers 502",
        inject!(script(TelegramMode::BadGateway)),
    )
    .lasting(15, 8),
    Fault::new(
        11,
        "telegram-403",
        "Telegram rejects ten messages permanently",
        inject!(script(TelegramMode::Forbidden)),
    )
    .lasting(15, 8),
];

const MESSAGES: usize = 10;
const HURRIED: TelegramMode = TelegramMode::TooMany { retry_after: 3 };
/// After this time, every message that was in flight when the network was cut has arrived.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(1);

async fn down(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    experiment.cluster.links.get(Link::Telegram)?.cut();
    sleep(IN_FLIGHT_TIME).await;
    let before = experiment.cluster.telegram.messages().len();
    sleep(experiment.lasting.saturating_sub(IN_FLIGHT_TIME)).await;
    let arrived = experiment.cluster.telegram.messages().len() - before;
    let waiting = queued(&experiment.cluster).await?;
    experiment.cluster.links.get(Link::Telegram)?.restore();
    experiment.cause_removed();
    let mut done = Injection::at_least_one(usize::from(waiting > 0), "no message waited");
    done.notes.push(format!("{waiting} messages waited"));
    if arrived > 0 {
        done.problems.push(format!("{arrived} messages arrived without a network"));
    }
    Ok(Injected::Done(done))
}

async fn hurried(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = experiment.cluster.telegram.met(HURRIED);
    experiment.cluster.telegram.be(HURRIED);
    sleep(experiment.lasting).await;
    experiment.cluster.telegram.be(TelegramMode::Well);
    experiment.cause_removed();
    Ok(Injected::Done(Injection::at_least_one(
        experiment.cluster.telegram.met(HURRIED) - before,
        "no message was answered 429",
    )))
}

/// Sets the mode for the next messages. Returns how many it affected.
async fn script(experiment: &mut Experiment, mode: TelegramMode) -> anyhow::Result<Injected> {
    let before = experiment.cluster.telegram.met(mode);
    experiment.cluster.telegram.script([mode; MESSAGES]);
    sleep(experiment.lasting).await;
    experiment.cause_removed();
    Ok(Injected::Done(Injection::at_least_one(
        experiment.cluster.telegram.met(mode) - before,
        "no message met the fault",
    )))
}

async fn queued(cluster: &Cluster) -> anyhow::Result<i64> {
    cluster.count(&notification::SERVICE, "select count(*) from notifications where status = 'queued'").await
}
