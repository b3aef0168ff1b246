//! Tests of the queue in PostgreSQL when it is long, shared with another replica, or full of ended rows.

use std::sync::Arc;

use contracts::ids::{OrderId, UserId};
use futures::future::join_all;
use notification::{
    client::Log,
    model::{AttemptOutcome, Kind, NewNotification, NotificationId, Outgoing, Status},
    repository::{MIGRATIONS, PgNotifications, prefer_index_scans},
    service::{AMBIGUOUS_RETRY_DELAY, Dispatcher, Sender, Templates},
};
use outbox::MemoryLease;
use platform::{ids, postgres::Database};
use serde_json::json;
use testkit::{Running, new_cause};
use tokio::sync::Notify;

use uuid::Uuid;

/// More than the sender reads at a time.
const MANY: i64 = 100;

/// A pool of one connection with the service's settings, so that cached plans and unflushed statistics are in one
/// place.
fn one_connection(database: &testkit::Database) -> Database {
    let one = Database::lazy("test", "TEST_DATABASE_URL", &database.url.clone().into(), 1).unwrap().with_stable_plans();
    prefer_index_scans(&one);
    one
}

/// Queues `each` notifications for each of `chats` chats, and `each` notifications without a chat.
async fn fill(database: &Database, chats: i32, each: i32) {
    // This may take longer than a service's statement timeout.
    let mut connection = database.connect().await.unwrap();
    sqlx::query("set statement_timeout = 0").execute(&mut connection).await.unwrap();
    sqlx::query(
        "insert into notifications (uuid, order_uuid, user_uuid, kind, facts, trace, chat, created_at)
        select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ship_assembled', '{\"build_time_sec\": 3}', '{}',
            'chat ' || nullif(chat, 0), now() - make_interval(secs => $2 - message)
        from generate_series(1, $2) as message, generate_series(0, $1) as chat",
    )
    .bind(chats)
    .bind(each)
    .execute(&mut connection)
    .await
    .unwrap();
}

/// The reads of the table so far: rows by sequential scans, index entries, and blocks of both.
async fn reads(pool: &Database) -> [i64; 3] {
    sqlx::query("select pg_stat_force_next_flush()").execute(pool).await.unwrap();
    let (rows, entries, blocks) = sqlx::query_as(
        "select (select seq_tup_read::bigint from pg_stat_user_tables where relname = 'notifications'),
            (select sum(idx_tup_read)::bigint from pg_stat_user_indexes where relname = 'notifications'),
            (select (heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::bigint
             from pg_statio_user_tables where relname = 'notifications')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    [rows, entries, blocks]
}

/// Runs the sender's statements `times` times: reads due notifications and those without a chat, claims one and
/// settles it. Returns the [reads](reads) per round.
async fn work(pool: &Database, times: i32) -> [i64; 3] {
    let notifications = PgNotifications::new(pool.clone());
    let before = reads(pool).await;
    for _ in 0..times {
        assert!(!notifications.without_chat(MANY, &[]).await.unwrap().is_empty());
        let outgoing = notifications.due(false, 32, &[]).await.unwrap().swap_remove(0);
        assert!(notifications.claim(&outgoing).await.unwrap());
        notifications.settle(&[outgoing.due.next_attempt()], &AttemptOutcome::Sent).await.unwrap();
    }
    let after = reads(pool).await;
    [0, 1, 2].map(|what| (after[what] - before[what]) / i64::from(times))
}

/// Returns the [reads](reads) of [`work`]. With `analyzed`, the statistics date from a time when the queue was short
/// and many rows had ended.
async fn work_on(chats: i32, each: i32, analyzed: bool) -> [i64; 3] {
    let database = testkit::database(&MIGRATIONS).await;
    let pool = one_connection(&database);
    if analyzed {
        fill(&pool, 9, 200).await;
        let ended = "update notifications set status = 'sent', sent_at = now() where chat <> 'chat 7'";
        sqlx::query(ended).execute(&pool).await.unwrap();
        sqlx::query("vacuum analyze notifications").execute(&pool).await.unwrap();
    }
    fill(&pool, chats, each).await;
    work(&pool, 8).await
}

#[tokio::test]
async fn a_send_reads_a_bounded_part_of_the_queue() {
    for (chats, each, analyzed) in [(1, 50_000, false), (1, 50_000, true), (500, 100, false), (500, 100, true)] {
        let [rows, entries, blocks] = work_on(chats, each, analyzed).await;

        assert_eq!(rows, 0, "the table was scanned");
        // The bounds allow for one read, a claim and its outcome, and index entries of rows that have left the queue.
        assert!(entries < 6_000 && blocks < 15_000, "{chats} chats of {each}: {entries} entries, {blocks} blocks");
    }
}

/// Runs a sender that logs messages.
fn sender(pool: &Database) -> Running {
    let dispatcher = Dispatcher {
        notifications: PgNotifications::new(pool.clone()),
        users: Arc::new(Log),
        notifier: Arc::new(Log),
        templates: Templates::load(None).expect("the built-in templates are valid"),
        fallback_chat: None,
        writes_to_unconfirmed: true,
        ambiguous_retry_delay: AMBIGUOUS_RETRY_DELAY,
    };
    let sender = Sender::new(dispatcher, Arc::new(MemoryLease::new("first")), Arc::new(Notify::new()));
    testkit::run(|stop| sender.run(stop))
}

#[tokio::test]
async fn two_replicas_claim_the_same_notifications_without_a_deadlock() {
    let database = testkit::database(&MIGRATIONS).await;
    let replicas = [(); 2].map(|()| PgNotifications::new(database.pool.clone()));
    fill(&database.pool, 50, 1).await;
    let due = replicas[0].due(false, 50, &[]).await.unwrap();
    let mut reversed = due.clone();
    reversed.reverse();
    assert_eq!(due.len(), 50);

    for _ in 0..20 {
        let claim = async |replica: &PgNotifications, due: &[Outgoing]| {
            let claims = join_all(due.iter().map(|outgoing| replica.claim(outgoing))).await;
            claims.into_iter().filter(|claimed| *claimed.as_ref().unwrap()).count()
        };
        let (one, other) = tokio::join!(claim(&replicas[0], &due), claim(&replicas[1], &reversed));

        assert_eq!(one + other, 50, "each is claimed by one of the two");
        let undo = "update notifications set sending_since = null, attempts = 0";
        sqlx::query(undo).execute(&database.pool).await.unwrap();
    }
}

/// Queues a notification of a kind that this build does not know, as a newer replica does.
async fn queue_unknown_kind(pool: &Database, order: Uuid, chat: Option<&str>) {
    sqlx::query(
        "insert into notifications (uuid, order_uuid, user_uuid, kind, facts, trace, chat, created_at)
        values ($1, $2, $2, 'ship_recalled', '{}', '{}', $3, now() - interval '1 hour')",
    )
    .bind(ids::random())
    .bind(order)
    .bind(chat)
    .execute(pool)
    .await
    .expect("any kind can be queued");
}

#[tokio::test]
async fn notifications_of_kinds_that_are_not_known_hold_up_no_other() {
    let database = testkit::database(&MIGRATIONS).await;
    let pool = database.pool.clone();
    let order = ids::random();
    // More notifications of unknown kinds than are read at a time, all older than those of known kinds.
    for _ in 0..=MANY {
        queue_unknown_kind(&pool, ids::random(), Some("chat")).await;
        queue_unknown_kind(&pool, ids::random(), None).await;
    }
    queue_unknown_kind(&pool, order, Some("only unknown")).await;
    let notifications = PgNotifications::new(pool.clone());
    let queue = async || {
        let facts = json!({ "build_time_sec": 3 });
        let (id, order) = (NotificationId::new(ids::ordered()), OrderId::new(order));
        let user = UserId::new(ids::random());
        let new = NewNotification { id, order, user, kind: Kind::ShipAssembled, facts };
        assert!(notifications.queue(new_cause(), &new).await.unwrap());
        id
    };
    let id = queue().await;

    let unaddressed = notifications.without_chat(MANY, &[]).await.unwrap();
    assert_eq!(unaddressed.iter().map(|due| due.id).collect::<Vec<_>>(), [id]);
    notifications.set_chat(&[id], "chat").await.unwrap();
    let listed = notifications.of_order(OrderId::new(order)).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);

    let sender = sender(&pool);
    testkit::eventually(async || {
        let sent = notifications.of_order(OrderId::new(order)).await.unwrap();
        sent.iter().all(|one| one.status == Status::Sent).then_some(())
    })
    .await;
    drop(sender);
    let left: i64 = sqlx::query_scalar(
        "select count(*) from notifications where kind = 'ship_recalled' and status = 'queued' and attempts = 0",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(left, 2 * (MANY + 1) + 1, "they wait for a replica that knows them");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_holds_up_no_other() {
    let database = testkit::database(&MIGRATIONS).await;
    let pool = database.pool.clone();
    // Each of the two chats and the users without a chat have four notifications. The first and the last of each are
    // damaged.
    fill(&pool, 2, 4).await;
    let (first, last) = (
        "update notifications set trace = '[]' where created_at = (select min(created_at) from notifications)",
        "update notifications set facts = '{\"build_time_sec\": 1e400}'
        where created_at = (select max(created_at) from notifications)",
    );
    for damage in [first, last] {
        assert_eq!(sqlx::query(damage).execute(&pool).await.unwrap().rows_affected(), 3);
    }
    let sender = sender(&pool);
    let count = async |status: &str| -> i64 {
        let count = sqlx::query_scalar("select count(*) from notifications where status = $1").bind(status);
        count.fetch_one(&pool).await.unwrap()
    };
    testkit::eventually(async || (count("queued").await == 0).then_some(())).await;
    drop(sender);
    assert_eq!((count("sent").await, count("failed").await), (9, 3), "only without its facts a text cannot be made");
}

#[tokio::test]
async fn a_notification_that_cannot_be_read_ends_no_list() {
    let database = testkit::database(&MIGRATIONS).await;
    let notifications = PgNotifications::new(database.pool.clone());
    let (order, user) = (OrderId::new(ids::random()), UserId::new(ids::random()));
    for kind in [Kind::OrderPaid, Kind::ShipAssembled] {
        let new = NewNotification { id: NotificationId::new(ids::ordered()), order, user, kind, facts: json!({}) };
        assert!(notifications.queue(new_cause(), &new).await.unwrap());
    }
    for damage in [
        "alter table notifications drop constraint notifications_status_check",
        "update notifications set status = 'lost' where kind = 'order_paid'",
    ] {
        sqlx::query(damage).execute(&database.pool).await.unwrap();
    }

    let listed = notifications.of_order(order).await.unwrap();

    assert_eq!(listed.iter().map(|one| one.kind).collect::<Vec<_>>(), [Kind::ShipAssembled]);
}
