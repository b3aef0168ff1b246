//! The payment provider or Telegram misbehaves.

use stand_ins::{Mode, ProviderFault, TelegramMode};
use tokio::time::sleep;

use super::{CHARGE_TIMEOUT, IN_FLIGHT_TIME, inject};
use crate::{
    cluster::Link,
    experiment::{Experiment, Fault, Injected, Injection},
    wait::until,
};

pub const FAULTS: [Fault; 9] = [
    Fault::new(
        7,
        "provider-silent",
        "the provider charges and does not answer",
        inject!(provider(Mode::Charging(ProviderFault::Silent))),
    )
    .lasting(10, 5),
    Fault::new(
        7,
        "provider-500",
        "the provider answers 500, then recovers",
        inject!(provider(Mode::Charging(ProviderFault::Status(500)))),
    )
    .lasting(10, 5),
    Fault::new(
        7,
        "provider-declines",
        "the provider declines every charge",
        inject!(provider(Mode::Charging(ProviderFault::Declined("generic_decline")))),
    )
    .lasting(10, 5),
    Fault::new(
        7,
        "provider-twice",
        "the provider charges and the answer is lost; the retry gets a replay",
        inject!(provider(Mode::Duplicating)),
    )
    .lasting(10, 5),
    Fault::new(11, "telegram-down", "Telegram cannot be reached", inject!(unreachable)).lasting(300, 10),
    Fault::new(
        11,
        "telegram-429",
        "Telegram answers 429 with retry_after 3 s",
        inject!(telegram(TelegramMode::TooMany { retry_after: 3 }, None)),
    )
    .lasting(10, 5),
    Fault::new(
        11,
        "telegram-silent",
        "Telegram accepts ten messages and answers none of them",
        inject!(telegram(TelegramMode::Silent, MESSAGES)),
    )
    .lasting(15, 8),
    Fault::new(
        11,
        "telegram-502",
        "Telegram accepts ten messages and answers 502",
        inject!(telegram(TelegramMode::BadGateway, MESSAGES)),
    )
    .lasting(15, 8),
    Fault::new(
        11,
        "telegram-403",
        "Telegram rejects ten messages permanently",
        inject!(telegram(TelegramMode::Forbidden, MESSAGES)),
    )
    .lasting(15, 8),
];

/// The number of messages that a mode affects.
const MESSAGES: Option<usize> = Some(10);

/// Sets the provider's mode for a while, which begins with the first charge. Returns how many charges it affected.
async fn provider(experiment: &mut Experiment, mode: Mode) -> anyhow::Result<Injected> {
    let provider = &experiment.cluster.provider;
    let (met, replayed) = (provider.faults_met(), provider.replayed());
    provider.be(mode);
    if until(CHARGE_TIMEOUT, async || Ok(provider.faults_met() > met)).await? {
        experiment.cause_begins();
        sleep(experiment.lasting).await;
    }
    provider.be(Mode::Well);
    let (met, replayed) = (provider.faults_met() - met, provider.replayed() - replayed);
    experiment.cause_removed();
    let mut done = Injection::at_least_one(met, "no charge met the fault");
    if mode == Mode::Duplicating && replayed == 0 {
        done.idle.push("no answer was replayed".to_owned());
    }
    if replayed > 0 {
        done.notes.push(format!("{replayed} answers were replayed"));
    }
    Ok(Injected::Done(done))
}

/// Sets Telegram's mode for this many messages, or for a while. Returns how many messages it affected.
async fn telegram(
    experiment: &mut Experiment,
    mode: TelegramMode,
    messages: Option<usize>,
) -> anyhow::Result<Injected> {
    let telegram = &experiment.cluster.telegram;
    let before = telegram.met(mode);
    match messages {
        Some(count) => telegram.script(vec![mode; count]),
        None => telegram.be(mode),
    }
    sleep(experiment.lasting).await;
    telegram.be(TelegramMode::Well);
    let met = telegram.met(mode) - before;
    experiment.cause_removed();
    Ok(Injected::Done(Injection::at_least_one(met, "no message met the fault")))
}

async fn unreachable(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let cluster = &experiment.cluster;
    cluster.links.get(Link::Telegram)?.cut();
    sleep(IN_FLIGHT_TIME).await;
    let before = cluster.telegram.messages().len();
    sleep(experiment.lasting.saturating_sub(IN_FLIGHT_TIME)).await;
    let arrived = cluster.telegram.messages().len() - before;
    let queued = "select count(*) from notifications where status = 'queued'";
    let waiting = cluster.count(&notification::SERVICE, queued).await?;
    cluster.links.get(Link::Telegram)?.restore();
    experiment.cause_removed();
    let mut done = Injection::at_least_one(usize::from(waiting > 0), "no message waited");
    done.notes.push(format!("{waiting} messages waited"));
    if arrived > 0 {
        done.problems.push(format!("{arrived} messages arrived without a network"));
    }
    Ok(Injected::Done(done))
}
