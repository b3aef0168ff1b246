//! Tests of builds over the in-memory repository, in virtual time.

use std::{sync::Arc, time::Duration};

use assembly::{
    consumers::order_paid,
    jobs::finish_builds,
    model::{Build, BuildTimes, Status},
    repository::{Builds as _, MemoryBuilds},
    service::AssemblyService,
};
use contracts::{
    events::{OrderPaid, Published as _, ShipAssembled, Subscription},
    ids::OrderId,
};
use outbox::Waker;
use platform::{
    ids,
    kafka::{Handler as _, Message},
    random::Random,
};
use testkit::{Running, eventually};
use tokio::time::Instant;

const TIMES: BuildTimes = BuildTimes { min: Duration::from_secs(2), max: Duration::from_secs(10), failure_rate: 0.0 };

struct Replica {
    paid: Subscription,
    builder: Running,
}

fn replica(builds: &MemoryBuilds) -> Replica {
    let service = AssemblyService::new(Arc::new(builds.clone()), Waker::default());
    let builder = testkit::run(|stop| finish_builds(service.clone()).run(stop));
    Replica { paid: order_paid(service, TIMES, Random::default()), builder }
}

impl Replica {
    async fn pay(&self) -> OrderId {
        let (order, user) = (ids::random(), ids::random());
        let event = OrderPaid { order_uuid: order.to_string(), user_uuid: user.to_string(), ..OrderPaid::default() };
        let payload = contracts::events::record(order, event).payload;
        self.paid.handle(&Message { payload, ..Message::default() }).await.unwrap();
        OrderId::new(order)
    }
}

async fn ended(builds: &MemoryBuilds, order: OrderId) -> Build {
    eventually(|| async { builds.find(order).await.unwrap().filter(|build| build.status != Status::Building) }).await
}

fn events(builds: &MemoryBuilds) -> Vec<(&'static str, OrderId)> {
    builds.outbox.events().iter().map(|(event, _)| (event.kind, OrderId::new(event.key))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_ship_is_ready_when_it_is_due_and_not_before() {
    let builds = MemoryBuilds::default();
    let replica = replica(&builds);
    tokio::time::sleep(Duration::from_secs(1)).await;

    let order = replica.pay().await;
    let build = ended(&builds, order).await;

    let took = (build.finished_at.unwrap() - build.started_at).to_std().unwrap();
    let planned = (build.due_at - build.started_at).to_std().unwrap();
    assert!(planned >= TIMES.min && planned <= TIMES.max);
    assert!(took >= planned && took < planned + Duration::from_millis(10), "{took:?} instead of {planned:?}");
    assert_eq!(events(&builds), [(ShipAssembled::TYPE, order)]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_ships_are_built_at_the_same_time() {
    let builds = MemoryBuilds::default();
    let replica = replica(&builds);
    let start = Instant::now();
    for _ in 0..1000 {
        replica.pay().await;
    }

    tokio::time::sleep(TIMES.max + Duration::from_millis(50)).await;

    assert_eq!(events(&builds).len(), 1000);
    assert!(start.elapsed() < TIMES.max * 2);
}

#[tokio::test(start_paused = true)]
async fn a_crash_costs_no_build_and_no_time() {
    let builds = MemoryBuilds::default();
    let first = replica(&builds);
    let order = first.pay().await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    first.builder.kill().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _second = replica(&builds);

    let build = ended(&builds, order).await;
    let late = (build.finished_at.unwrap() - build.due_at).to_std().unwrap();
    assert!(late < Duration::from_millis(10), "{late:?} late");
    assert_eq!(events(&builds).len(), 1);
}
