//! The contract of the repository of jobs, for PostgreSQL and the in-memory implementation.

use std::time::Duration;

use assembly::{
    model::{Job, NewJob, Status},
    repository::{Jobs, MIGRATIONS, MemoryJobs, PgJobs},
};
use contracts::ids::{EventId, OrderId, UserId};
use platform::{
    ids,
    outbox::{Outbox, PgOutbox},
};

const HOUR: Duration = Duration::from_hours(1);

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                let jobs = super::MemoryJobs::default();
                super::$name(&jobs, &jobs.outbox).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let database = testkit::database(&super::MIGRATIONS).await;
                let outbox = super::PgOutbox::new(database.pool.clone(), "test".to_owned());
                super::$name(&super::PgJobs::new(database.pool), &outbox).await;
            })*
        }
    };
}

contract!(
    a_job_is_stored_as_it_was_started,
    an_event_starts_one_job,
    an_order_has_one_job,
    jobs_are_listed_in_the_order_in_which_they_are_due,
    a_job_and_its_event_are_finished_once,
    an_unknown_order_has_no_job,
);

fn random_order() -> OrderId {
    OrderId::new(ids::random())
}

fn random_event() -> EventId {
    EventId::new(ids::random())
}

fn new(build_time: Duration) -> NewJob {
    NewJob { order: random_order(), user: UserId::new(ids::random()), build_time, fails: false }
}

async fn start(jobs: &dyn Jobs, job: &NewJob) {
    assert!(jobs.start("group", random_event(), job).await.unwrap());
}

async fn building(jobs: &dyn Jobs, limit: i64) -> Vec<OrderId> {
    jobs.building(limit).await.unwrap().iter().map(|(job, _)| job.order).collect()
}

async fn a_job_is_stored_as_it_was_started(jobs: &dyn Jobs, outbox: &dyn Outbox) {
    let new = NewJob { fails: true, ..new(Duration::from_millis(2100)) };
    start(jobs, &new).await;

    let found = jobs.find(new.order).await.unwrap().unwrap();

    assert_eq!((found.order, found.user, found.fails), (new.order, new.user, true));
    assert_eq!((found.status, found.build_time_sec, found.finished_at), (Status::Building, 3, None));
    assert_eq!((found.due_at - found.started_at).to_std().unwrap(), new.build_time);
    assert!(outbox.unpublished(10, &[]).await.unwrap().is_empty());
}

async fn an_event_starts_one_job(jobs: &dyn Jobs, _: &dyn Outbox) {
    let event = random_event();
    let (first, second) = (new(HOUR), new(HOUR));

    assert!(jobs.start("group", event, &first).await.unwrap());
    assert!(!jobs.start("group", event, &second).await.unwrap());

    assert_eq!(building(jobs, 10).await, [first.order]);
}

async fn an_order_has_one_job(jobs: &dyn Jobs, _: &dyn Outbox) {
    let job = new(HOUR);
    start(jobs, &job).await;

    let longer = NewJob { build_time: HOUR * 2, ..job.clone() };
    assert!(!jobs.start("group", random_event(), &longer).await.unwrap());

    assert_eq!(jobs.find(job.order).await.unwrap().unwrap().build_time_sec, 3600);
}

async fn jobs_are_listed_in_the_order_in_which_they_are_due(jobs: &dyn Jobs, _: &dyn Outbox) {
    let (late, due, soon) = (new(HOUR * 2), new(Duration::ZERO), new(HOUR));
    for job in [&late, &due, &soon] {
        start(jobs, job).await;
    }

    let left: Vec<Duration> = jobs.building(10).await.unwrap().iter().map(|(_, left)| *left).collect();

    assert_eq!(building(jobs, 10).await, [due.order, soon.order, late.order]);
    assert_eq!(building(jobs, 2).await, [due.order, soon.order]);
    assert_eq!(left[0], Duration::ZERO);
    assert!(left[1] > HOUR / 2 && left[1] <= HOUR && left[2] > HOUR && left[2] <= HOUR * 2, "{left:?}");
}

async fn a_job_and_its_event_are_finished_once(jobs: &dyn Jobs, outbox: &dyn Outbox) {
    let (good, bad) = (new(Duration::ZERO), NewJob { fails: true, ..new(Duration::ZERO) });
    start(jobs, &good).await;
    start(jobs, &bad).await;
    let ends: Vec<_> = jobs.building(10).await.unwrap().iter().map(|(job, _)| job.end()).collect();

    let mut first = jobs.finish(&ends).await.unwrap();
    let second = jobs.finish(&ends).await.unwrap();

    first.sort();
    let mut orders = [good.order, bad.order];
    orders.sort();
    assert_eq!((first.as_slice(), second.as_slice()), (orders.as_slice(), [].as_slice()));
    assert!(building(jobs, 10).await.is_empty());
    let events = outbox.unpublished(10, &[]).await.unwrap();
    assert_eq!(events.len(), 2);
    let ended =
        [(good, Status::Assembled, "events.v1.ShipAssembled"), (bad, Status::Failed, "events.v1.AssemblyFailed")];
    for (job, status, kind) in ended {
        let found = jobs.find(job.order).await.unwrap().unwrap();
        let event = events.iter().find(|event| event.key == job.order.uuid()).unwrap();
        assert_eq!((found.status, found.finished_at.is_some()), (status, true));
        assert_eq!(event.event_type, kind);
    }
}

async fn an_unknown_order_has_no_job(jobs: &dyn Jobs, outbox: &dyn Outbox) {
    let job = new(HOUR);
    start(jobs, &job).await;
    let known = jobs.find(job.order).await.unwrap().unwrap();

    let unknown = Job { order: random_order(), ..known };

    assert_eq!(jobs.find(unknown.order).await.unwrap(), None);
    assert!(jobs.finish(&[unknown.end()]).await.unwrap().is_empty());
    assert!(outbox.unpublished(10, &[]).await.unwrap().is_empty());
}
