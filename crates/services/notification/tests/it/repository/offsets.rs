//! Bot offsets.

use std::time::Duration;

use notification::repository::{MIGRATIONS, PgOffsets};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn an_offset_advances_once() {
    let offsets = PgOffsets::new(testkit::database(&MIGRATIONS).await.pool);
    assert_eq!(offsets.next("bot").await.unwrap(), 0);

    assert!(offsets.advance("bot", 5).await.unwrap());
    assert!(!offsets.advance("bot", 5).await.unwrap());
    assert!(!offsets.advance("bot", 3).await.unwrap());
    assert!(offsets.advance("bot", 6).await.unwrap());

    assert_eq!(offsets.next("bot").await.unwrap(), 6);
    assert_eq!(offsets.next("another").await.unwrap(), 0);
}

#[tokio::test]
async fn the_offset_of_an_unused_bot_is_removed() {
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
