//! The contract of the repository of builds, for PostgreSQL and the in-memory implementation.

use std::{sync::Arc, time::Duration};

use assembly::{
    model::{Event, NewBuild, Status},
    repository::{Builds, MIGRATIONS, MemoryBuilds, PgBuilds},
    service::AssemblyService,
};
use contracts::ids::OrderId;
use outbox::{Outbox, Waker};
use platform::{jobs::MOVED_BACK_FOR, postgres::outbox_of};
use testkit::{new_cause, new_order, new_user};

const HOUR: Duration = Duration::from_hours(1);

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                let builds = super::MemoryBuilds::default();
                super::$name(&builds, &builds.outbox).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let database = testkit::database(&super::MIGRATIONS).await;
                let outbox = super::outbox_of(&database.pool, "test");
                super::$name(&super::PgBuilds::new(database.pool), &outbox).await;
            })*
        }
    };
}

contract!(
    a_build_is_stored_as_it_was_started,
    an_event_starts_one_build,
    an_order_has_one_build,
    builds_are_listed_in_the_order_in_which_they_are_due,
    a_build_and_its_event_are_finished_once,
    a_build_is_measured_from_its_start_to_its_end,
    an_unknown_order_has_no_build,
    a_build_that_is_moved_back_holds_up_no_other,
);

fn new(build_time: Duration) -> NewBuild {
    NewBuild { order: new_order(), user: new_user(), build_time, fails: false }
}

async fn start(builds: &dyn Builds, build: &NewBuild) {
    assert!(builds.start(new_cause(), build).await.unwrap());
}

async fn building(builds: &dyn Builds, limit: i64) -> Vec<OrderId> {
    builds.building(limit).await.unwrap().iter().map(|(end, _)| end.order()).collect()
}

fn end(build: &NewBuild) -> Event {
    Event::end_of(build.order, build.user, build.build_time_sec(), build.fails)
}

async fn finish(builds: &dyn Builds, ends: &[Event]) -> Vec<OrderId> {
    builds.finish(ends).await.unwrap().iter().map(|(order, _)| *order).collect()
}

async fn a_build_is_stored_as_it_was_started(builds: &dyn Builds, outbox: &dyn Outbox) {
    let new = NewBuild { fails: true, ..new(Duration::from_millis(2100)) };
    start(builds, &new).await;

    let found = builds.find(new.order).await.unwrap().unwrap();

    assert_eq!((found.order, found.user, found.fails), (new.order, new.user, true));
    assert_eq!((found.status, found.build_time_sec, found.finished_at), (Status::Building, 3, None));
    assert_eq!((found.due_at - found.started_at).to_std().unwrap(), new.build_time);
    assert!(outbox.unpublished(10, &[]).await.unwrap().is_empty());
}

async fn an_event_starts_one_build(builds: &dyn Builds, _: &dyn Outbox) {
    let cause = new_cause();
    let (first, second) = (new(HOUR), new(HOUR));

    assert!(builds.start(cause, &first).await.unwrap());
    assert!(!builds.start(cause, &second).await.unwrap());

    assert_eq!(building(builds, 10).await, [first.order]);
}

async fn an_order_has_one_build(builds: &dyn Builds, _: &dyn Outbox) {
    let build = new(HOUR);
    start(builds, &build).await;

    let longer = NewBuild { build_time: HOUR * 2, ..build.clone() };
    assert!(!builds.start(new_cause(), &longer).await.unwrap());

    assert_eq!(builds.find(build.order).await.unwrap().unwrap().build_time_sec, 3600);
}

async fn builds_are_listed_in_the_order_in_which_they_are_due(builds: &dyn Builds, _: &dyn Outbox) {
    let (late, due, soon) = (new(HOUR * 2), new(Duration::ZERO), new(HOUR));
    for build in [&late, &due, &soon] {
        start(builds, build).await;
    }

    let left: Vec<Duration> = builds.building(10).await.unwrap().iter().map(|(_, left)| *left).collect();

    assert_eq!(building(builds, 10).await, [due.order, soon.order, late.order]);
    assert_eq!(building(builds, 2).await, [due.order, soon.order]);
    assert_eq!(left[0], Duration::ZERO);
    assert!(left[1] > HOUR / 2 && left[1] <= HOUR && left[2] > HOUR && left[2] <= HOUR * 2, "{left:?}");
}

async fn a_build_and_its_event_are_finished_once(builds: &dyn Builds, outbox: &dyn Outbox) {
    let (good, bad) = (new(Duration::ZERO), NewBuild { fails: true, ..new(Duration::ZERO) });
    start(builds, &good).await;
    start(builds, &bad).await;
    let ends: Vec<_> = builds.building(10).await.unwrap().into_iter().map(|(end, _)| end).collect();

    let mut first = finish(builds, &ends).await;
    let second = finish(builds, &ends).await;

    first.sort();
    let mut orders = [good.order, bad.order];
    orders.sort();
    assert_eq!((first.as_slice(), second.as_slice()), (orders.as_slice(), [].as_slice()));
    assert!(building(builds, 10).await.is_empty());
    let events = outbox.unpublished(10, &[]).await.unwrap();
    assert_eq!(events.len(), 2);
    let ended =
        [(good, Status::Assembled, "events.v1.ShipAssembled"), (bad, Status::Failed, "events.v1.AssemblyFailed")];
    for (build, status, kind) in ended {
        let found = builds.find(build.order).await.unwrap().unwrap();
        let event = events.iter().find(|event| event.key == build.order.uuid()).unwrap();
        assert_eq!((found.status, found.finished_at.is_some()), (status, true));
        assert_eq!(event.event_type, kind);
    }
}

async fn a_build_is_measured_from_its_start_to_its_end(builds: &dyn Builds, _: &dyn Outbox) {
    let build = new(Duration::ZERO);
    start(builds, &build).await;
    let end = end(&build);
    tokio::time::sleep(Duration::from_millis(20)).await;

    let ended = builds.finish(&[end]).await.unwrap();

    let found = builds.find(build.order).await.unwrap().unwrap();
    let took = (found.finished_at.unwrap() - found.started_at).to_std().unwrap();
    assert!(took >= Duration::from_millis(20), "{took:?}");
    assert_eq!(ended, [(build.order, took)]);
}

async fn an_unknown_order_has_no_build(builds: &dyn Builds, outbox: &dyn Outbox) {
    let build = new(HOUR);
    start(builds, &build).await;

    let unknown = new(HOUR);

    assert_eq!(builds.find(unknown.order).await.unwrap(), None);
    assert!(builds.finish(&[end(&unknown)]).await.unwrap().is_empty());
    assert!(outbox.unpublished(10, &[]).await.unwrap().is_empty());
}

async fn a_build_that_is_moved_back_holds_up_no_other(builds: &dyn Builds, _: &dyn Outbox) {
    let (first, second) = (new(Duration::ZERO), new(Duration::ZERO));
    start(builds, &first).await;
    start(builds, &second).await;

    builds.move_back(first.order).await.unwrap();

    let building = builds.building(2).await.unwrap();
    assert_eq!(building[0], (end(&second), Duration::ZERO));
    assert!(building[1].0 == end(&first) && building[1].1 > MOVED_BACK_FOR / 2, "{building:?}");
}

/// A page of builds that PostgreSQL refuses to finish, of which the last one has a time that chrono cannot hold.
#[tokio::test]
async fn a_page_of_builds_that_cannot_be_finished_holds_up_no_other() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let builds = PgBuilds::new(pool.clone());
    let service = AssemblyService::new(Arc::new(builds.clone()), Waker::default());
    for statement in [
        "alter table jobs drop constraint jobs_finite",
        "alter table jobs add constraint refused check (status = 'building' or build_time_sec <> 7)",
        "insert into jobs (order_uuid, user_uuid, build_time_sec, fails, trace, due_at)
            select gen_random_uuid(), gen_random_uuid(), 7, false, '{}', now() - interval '1 hour' from generate_series(1, 250)",
        "update jobs set started_at = 'infinity', due_at = '-infinity' where order_uuid = (select order_uuid from jobs limit 1)",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let other = new(Duration::ZERO);
    start(&builds, &other).await;

    for _ in 0..2 {
        service.finish_builds().await.unwrap();
    }

    assert_eq!(builds.find(other.order).await.unwrap().unwrap().status, Status::Assembled);
}

/// An event may be consumed again long after its inbox row and its build were removed. Then the outbox already has the
/// event that the second build would write.
#[tokio::test]
async fn a_build_whose_event_exists_holds_up_no_other() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let builds = PgBuilds::new(pool.clone());
    let finish = async |all: &[&NewBuild]| {
        let ends: Vec<_> = all.iter().map(|build| end(build)).collect();
        finish(&builds, &ends).await
    };
    let (again, other) = (new(Duration::ZERO), new(Duration::ZERO));
    start(&builds, &again).await;
    assert_eq!(finish(&[&again]).await, [again.order]);
    sqlx::query("delete from jobs").execute(&pool).await.unwrap();

    start(&builds, &again).await;
    start(&builds, &other).await;

    assert_eq!(finish(&[&again, &other]).await, [other.order]);
    assert!(building(&builds, 10).await.is_empty());
}
