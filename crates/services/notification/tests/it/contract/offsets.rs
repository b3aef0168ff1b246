//! The contract of bot offsets, for PostgreSQL and the in-memory implementation.

use std::time::Duration;

use notification::repository::{MIGRATIONS, MemoryOffsets, Offsets, PgOffsets};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn memory_advances_once() {
    advances_once(&MemoryOffsets::default()).await;
}

#[tokio::test]
async fn postgres_advances_once() {
    let database = testkit::database(&MIGRATIONS).await;
    advances_once(&PgOffsets::new(database.pool)).await;
}

async fn advances_once(offsets: &dyn Offsets) {
    assert_eq!(offsets.next("bot").await.unwrap(), 0);

    assert!(offsets.advance("bot", 5).await.unwrap());
    assert!(!offsets.advance("bot", 5).await.unwrap());
    assert!(!offsets.advance("bot", 3).await.unwrap());
    assert!(offsets.advance("bot", 6).await.unwrap());

    assert_eq!(offsets.next("bot").await.unwrap(), 6);
    assert_eq!(offsets.next("another").await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn memory_removes_the_offset_of_an_unused_bot() {
    let offsets = MemoryOffsets::default();
    offsets.advance("old", 5).await.unwrap();
    tokio::time::sleep(DAY * 5).await;
    offsets.advance("new", 5).await.unwrap();

    assert_eq!(offsets.remove_unused(DAY, 10).await.unwrap(), 0, "the offset is still valid");
    tokio::time::sleep(DAY * 2).await;
    assert_eq!(offsets.remove_unused(DAY, 10).await.unwrap(), 1);

    assert_eq!(offsets.next("new").await.unwrap(), 5);
}

#[tokio::test]
async fn postgres_removes_the_offset_of_an_unused_bot() {
    let database = testkit::database(&MIGRATIONS).await;
    let offsets = PgOffsets::new(database.pool.clone());
    for (bot, days) in [("old", 7), ("new", 5)] {
        offsets.advance(bot, 5).await.unwrap();
        let aged = sqlx::query("update bot_offsets set updated_at = now() - make_interval(days => $2) where bot = $1");
        aged.bind(bot).bind(days).execute(&database.pool).await.unwrap();
    }

    assert_eq!(offsets.remove_unused(DAY * 8, 10).await.unwrap(), 0);
    assert_eq!(offsets.remove_unused(DAY, 10).await.unwrap(), 1);

    assert_eq!(offsets.next("new").await.unwrap(), 5);
}
