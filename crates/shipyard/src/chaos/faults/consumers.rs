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
        what: "a consumer's process ends and another begins every 3 s",
        inject: inject!(restless),
    },
    Fault {
        number: 10,
        name: "consumer-frozen",
        what: "one process of each consumer is stopped for 20 s and goes on",
        inject: inject!(frozen),
    },
];

/// Those who take events and are asked nothing by customers.
const CONSUMERS: [Service; 3] = [Service::Assembly, Service::Payment, Service::Notification];

async fn slow(stage: &mut Stage) -> anyhow::Result<Injected> {
    let links = stage.world.links.clone();
    for service in [Service::Assembly, Service::Notification] {
        links.get(Link::Database(service))?.delay(Duration::from_millis(50));
    }
    sleep(Duration::from_secs(stage.scale(15, 5))).await;
    links.restore_all();
    Injected::times(2)
}

async fn restless(stage: &mut Stage) -> anyhow::Result<Injected> {
    let times = stage.scale(10, 3);
    for _ in 0..times {
        let service = *CONSUMERS.choose(&mut stage.random).unwrap_or(&Service::Assembly);
        let number = stage.random.random_range(0..stage.world.fleet.count());
        let replica = stage.world.fleet.get(service, number)?;
        replica.terminate().await;
        replica.start(&[])?;
        sleep(Duration::from_secs(3)).await;
    }
    Injected::times(times)
}

async fn frozen(stage: &mut Stage) -> anyhow::Result<Injected> {
    for service in CONSUMERS {
        stage.world.fleet.get(service, 0)?.freeze();
    }
    sleep(Duration::from_secs(stage.scale(20, 8))).await;
    for service in CONSUMERS {
        stage.world.fleet.get(service, 0)?.thaw();
    }
    Injected::times(CONSUMERS.len())
}
