//! Builds with the in-memory repository, in virtual time.

use std::{sync::Arc, time::Duration};

use assembly::{
    consumers::order_paid,
    error::Error,
    jobs::finish_builds,
    model::{Build, BuildTimes, Status},
    repository::{Builds as _, MemoryBuilds},
    service::AssemblyService,
};
use contracts::{
    events::{OrderPaid, Published as _, ShipAssembled, Subscription, group},
    ids::{OrderId, UserId},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use platform::{
    auth::{Caller, User},
    ids,
    kafka::{Failure, Handler as _, Message},
    outbox::Waker,
    random::Random,
};
use testkit::{Running, eventually};
use tokio::time::Instant;

const TIMES: BuildTimes = BuildTimes { min: Duration::from_secs(2), max: Duration::from_secs(10), failure_rate: 0.0 };

struct Replica {
    service: AssemblyService,
    paid: Subscription,
    builder: Running,
}

fn replica(builds: &MemoryBuilds, times: BuildTimes) -> Replica {
    let service = AssemblyService::new(Arc::new(builds.clone()), Waker::default());
    let builder = testkit::run(|stop| finish_builds(service.clone()).run(stop));
    Replica { paid: order_paid(service.clone(), times, Random::default()), service, builder }
}

fn random_order() -> OrderId {
    OrderId::new(ids::random())
}

fn random_user() -> UserId {
    UserId::new(ids::random())
}

fn paid(order: OrderId, user: UserId) -> Message {
    let event = OrderPaid { order_uuid: order.to_string(), user_uuid: user.to_string(), ..OrderPaid::default() };
    Message { payload: contracts::events::record(order.uuid(), event).payload, ..Message::default() }
}

impl Replica {
    async fn pay(&self) -> OrderId {
        let order = random_order();
        self.paid.handle(&paid(order, random_user())).await.unwrap();
        order
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
    let replica = replica(&builds, TIMES);
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
    let replica = replica(&builds, TIMES);
    let start = Instant::now();
    for _ in 0..1000 {
        replica.pay().await;
    }

    tokio::time::sleep(TIMES.max + Duration::from_millis(50)).await;

    assert_eq!(events(&builds).len(), 1000);
    assert!(start.elapsed() < TIMES.max * 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_build_is_published() {
    let builds = MemoryBuilds::default();
    let replica = replica(&builds, BuildTimes { failure_rate: 1.0, ..TIMES });

    let order = replica.pay().await;

    assert_eq!(ended(&builds, order).await.status, Status::Failed);
    assert_eq!(events(&builds), [("events.v1.AssemblyFailed", order)]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_costs_no_build_and_no_time() {
    let builds = MemoryBuilds::default();
    let first = replica(&builds, TIMES);
    let order = first.pay().await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    first.builder.kill().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _second = replica(&builds, TIMES);

    let build = ended(&builds, order).await;
    let late = (build.finished_at.unwrap() - build.due_at).to_std().unwrap();
    assert!(late < Duration::from_millis(10), "{late:?} late");
    assert_eq!(events(&builds).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_build_that_ends_late_is_measured_until_its_end() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let builds = MemoryBuilds::default();
    let first = replica(&builds, TIMES);
    let order = first.pay().await;

    first.builder.kill().await;
    tokio::time::sleep(TIMES.max * 60).await;
    let _second = replica(&builds, TIMES);
    let build = ended(&builds, order).await;

    let took = (build.finished_at.unwrap() - build.started_at).to_std().unwrap();
    let (rendered, line) =
        (recorder.handle().render(), format!("assembly_duration_seconds_sum {}\n", took.as_secs_f64()));
    assert!(took >= TIMES.max * 60, "{took:?}");
    assert!(rendered.contains(&line), "{rendered} lacks {line}");
}

#[tokio::test(start_paused = true)]
async fn two_replicas_finish_a_build_once() {
    let builds = MemoryBuilds::default();
    let (first, second) = (replica(&builds, TIMES), replica(&builds, TIMES));
    for _ in 0..100 {
        first.pay().await;
        second.pay().await;
    }

    tokio::time::sleep(TIMES.max * 2).await;

    assert_eq!(events(&builds).len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_builds_nothing() {
    let builds = MemoryBuilds::default();
    let replica = replica(&builds, TIMES);
    let message = paid(random_order(), random_user());

    for _ in 0..5 {
        replica.paid.handle(&message).await.unwrap();
        tokio::time::sleep(TIMES.max).await;
    }

    assert_eq!(events(&builds).len(), 1);
    assert_eq!(builds.inbox.events(const { group::<OrderPaid>("assembly") }).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_no_paid_order_is_poison() {
    let replica = replica(&MemoryBuilds::default(), TIMES);
    let message = Message { payload: b"no protobuf".to_vec(), ..Message::default() };

    assert!(matches!(replica.paid.handle(&message).await, Err(Failure::Poison(_))));
}

#[tokio::test(start_paused = true)]
async fn a_ship_is_shown_to_its_owner_and_to_services() {
    let builds = MemoryBuilds::default();
    let replica = replica(&builds, TIMES);
    let (order, user) = (random_order(), random_user());
    replica.paid.handle(&paid(order, user)).await.unwrap();
    let service = &replica.service;

    let owner = service.find(&Caller::User(User::plain(user.uuid())), order).await.unwrap();
    let other_service = service.find(&Caller::Service("order".to_owned()), order).await.unwrap();
    let stranger = service.find(&Caller::User(User::plain(ids::random())), order).await;

    assert_eq!((owner.order, owner.user), (order, user));
    assert_eq!(owner, other_service);
    assert!(matches!(stranger, Err(Error::NotFound)));
    assert!(matches!(
        service.find(&Caller::User(User::plain(user.uuid())), random_order()).await,
        Err(Error::NotFound)
    ));
}
