//! Consumers that are slow, come and go, and stand still.

use std::time::Duration;

use rand::{RngExt as _, seq::IndexedRandom as _};
use tokio::time::sleep;

use super::inject;
use crate::{
    chaos::{
        fault::{Fault, Injected, Stage},
        world::Link,
    },
    services::Service,
};

pub const FAULTS: [Fault; 3] = [
    Fault {
        number: 10,
        name: "consumer-slow",
        what: "each round trip of every consumer to its database takes 100 ms more, for 15 s",
        inject: inject!(slow),
    },
    Fault {
        number: 10,
        name: "consumer-restless",
        what: "a process of assembly, payment or notification ends and another begins every 3 s",
        inject: inject!(restless),
    },
    Fault {
        number: 10,
        name: "consumer-frozen",
        what: "one process each of assembly, payment and notification is stopped for 20 s and goes on",
        inject: inject!(frozen),
    },
];

/// Everybody who takes events.
const CONSUMERS: [Service; 5] =
    [Service::Inventory, Service::Order, Service::Payment, Service::Assembly, Service::Notification];
/// Those of them who are asked nothing by customers.
const BACKGROUND: [Service; 3] = [Service::Assembly, Service::Payment, Service::Notification];

async fn slow(stage: &mut Stage) -> anyhow::Result<Injected> {
    let links = stage.world.links.clone();
    for service in CONSUMERS {
        links.get(Link::Database(service))?.delay(Duration::from_millis(50));
    }
    sleep(Duration::from_secs(stage.scale(15, 5))).await;
    for service in CONSUMERS {
        links.get(Link::Database(service))?.restore();
    }
    stage.gone();
    Injected::times(CONSUMERS.len())
}

async fn restless(stage: &mut Stage) -> anyhow::Result<Injected> {
    let times = stage.scale(10, 3);
    for _ in 0..times {
        let service = *BACKGROUND.choose(&mut stage.random).unwrap_or(&Service::Assembly);
        let number = stage.random.random_range(0..stage.world.fleet.count());
        let replica = stage.world.fleet.get(service, number)?;
        replica.terminate().await;
        replica.start(&[])?;
        stage.gone();
        sleep(Duration::from_secs(3)).await;
    }
    Injected::times(times)
}

async fn frozen(stage: &mut Stage) -> anyhow::Result<Injected> {
    for service in BACKGROUND {
        stage.world.fleet.get(service, 0)?.freeze();
    }
    sleep(Duration::from_secs(stage.scale(20, 8))).await;
    for service in BACKGROUND {
        stage.world.fleet.get(service, 0)?.thaw();
    }
    stage.gone();
    Injected::times(BACKGROUND.len())
}
