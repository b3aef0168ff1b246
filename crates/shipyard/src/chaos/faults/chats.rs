//! A Telegram that is away, in a hurry, silent and unwilling.

use std::time::Duration;

use ::faults::TelegramMode;
use tokio::time::sleep;

use super::inject;
use crate::chaos::{
    fault::{Fault, Injected, Stage},
    world::Link,
};

pub const FAULTS: [Fault; 4] = [
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
        name: "telegram-403",
        what: "Telegram refuses ten messages for good",
        inject: inject!(unwilling),
    },
];

const MESSAGES: usize = 10;

async fn down(stage: &mut Stage) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(stage.scale(300, 10));
    stage.world.links.get(Link::Telegram)?.cut();
    sleep(lasting).await;
    stage.world.links.get(Link::Telegram)?.restore();
    Injected::times(1)
}

async fn hurried(stage: &mut Stage) -> anyhow::Result<Injected> {
    stage.world.telegram.be(TelegramMode::TooMany { retry_after: 3 });
    sleep(Duration::from_secs(stage.scale(10, 5))).await;
    stage.world.telegram.be(TelegramMode::Well);
    Injected::times(1)
}

async fn silent(stage: &mut Stage) -> anyhow::Result<Injected> {
    script(stage, TelegramMode::Silent).await
}

async fn unwilling(stage: &mut Stage) -> anyhow::Result<Injected> {
    script(stage, TelegramMode::Forbidden).await
}

async fn script(stage: &mut Stage, mode: TelegramMode) -> anyhow::Result<Injected> {
    stage.world.telegram.script([mode; MESSAGES]);
    sleep(Duration::from_secs(stage.scale(15, 8))).await;
    Injected::times(MESSAGES)
}
