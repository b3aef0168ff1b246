//! What holds of offsets wherever they are kept.

use notification::repository::{MIGRATIONS, MemoryOffsets, Offsets, PgOffsets};

#[tokio::test]
async fn memory_moves_on_once() {
    moves_on_once(&MemoryOffsets::default()).await;
}

#[tokio::test]
async fn postgres_moves_on_once() {
    let database = testkit::database(&MIGRATIONS).await;
    moves_on_once(&PgOffsets::new(database.pool)).await;
}

async fn moves_on_once(offsets: &dyn Offsets) {
    assert_eq!(offsets.next("bot").await.unwrap(), 0);

    assert!(offsets.advance("bot", 5).await.unwrap());
    assert!(!offsets.advance("bot", 5).await.unwrap());
    assert!(!offsets.advance("bot", 3).await.unwrap());
    assert!(offsets.advance("bot", 6).await.unwrap());

    assert_eq!(offsets.next("bot").await.unwrap(), 6);
    assert_eq!(offsets.next("another").await.unwrap(), 0);
}
