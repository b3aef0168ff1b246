//! A Telegram that is away, in a hurry, silent and unwilling.

use std::time::Duration;

use stand_ins::TelegramMode;
use tokio::time::sleep;

use super::inject;
use crate::{
    fault::{Done, Fault, Injected, Stage},
    world::{Link, World},
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
        what: "Telegram takes ten messages and answers none of them",
        inject: inject!(silent),
    },
    Fault {
        number: 11,
        name: "telegram-502",
        what: "Telegram takes ten messages and answers 502",
        inject: inject!(bad_gateway),
    },
    Fault {
        number: 11,
        name: "telegram-403",
        what: "Telegram refuses ten messages for good",
        inject: inject!(unwilling),
    },
];

const MESSAGES: usize = 10;
const HURRIED: TelegramMode = TelegramMode::TooMany { retry_after: 3 };
/// By then a message has arrived that was on its way when the network was cut.
const IN_FLIGHT: Duration = Duration::from_secs(1);

async fn down(stage: &mut Stage) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(stage.scale(300, 10));
    stage.world.links.get(Link::Telegram)?.cut();
    sleep(IN_FLIGHT).await;
    let before = stage.world.telegram.messages().len();
    sleep(lasting.saturating_sub(IN_FLIGHT)).await;
    let arrived = stage.world.telegram.messages().len() - before;
    let waiting = queued(&stage.world).await?;
    stage.world.links.get(Link::Telegram)?.restore();
    stage.gone();
    let mut done = Done { times: 1, notes: vec![format!("{waiting} messages waited")], ..Done::default() };
    if waiting == 0 || arrived > 0 {
        done.problems.push(format!("it was missed: {waiting} messages waited, {arrived} arrived meanwhile"));
    }
    Ok(Injected::Times(done))
}

async fn hurried(stage: &mut Stage) -> anyhow::Result<Injected> {
    let before = stage.world.telegram.met(HURRIED);
    stage.world.telegram.be(HURRIED);
    sleep(Duration::from_secs(stage.scale(10, 5))).await;
    stage.world.telegram.be(TelegramMode::Well);
    stage.gone();
    Ok(Injected::Times(Done::some(stage.world.telegram.met(HURRIED) - before, "nothing was answered 429")))
}

async fn silent(stage: &mut Stage) -> anyhow::Result<Injected> {
    script(stage, TelegramMode::Silent).await
}

async fn bad_gateway(stage: &mut Stage) -> anyhow::Result<Injected> {
    script(stage, TelegramMode::BadGateway).await
}

async fn unwilling(stage: &mut Stage) -> anyhow::Result<Injected> {
    script(stage, TelegramMode::Forbidden).await
}

/// So for the next messages: how many met it.
async fn script(stage: &mut Stage, mode: TelegramMode) -> anyhow::Result<Injected> {
    let before = stage.world.telegram.met(mode);
    stage.world.telegram.script([mode; MESSAGES]);
    sleep(Duration::from_secs(stage.scale(15, 8))).await;
    stage.gone();
    Ok(Injected::Times(Done::some(stage.world.telegram.met(mode) - before, "no message met it")))
}

async fn queued(world: &World) -> anyhow::Result<i64> {
    world.count(&notification::SERVICE, "select count(*) from notifications where status = 'queued'").await
}
