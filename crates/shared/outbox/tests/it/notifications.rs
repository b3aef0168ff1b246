//! Tests of the notifications that wake another replica's relay.

use outbox::{Outbox as _, PgOutbox, listen};

use crate::fixture::{Fixture, tables};

#[tokio::test]
async fn the_holder_hears_of_a_commit_in_another_replica() {
    let Fixture { pool } = Fixture::new().await;
    let notifications = listen((*pool.connect_options()).clone(), &tables().outbox);
    let holder = PgOutbox::new(pool.clone(), &tables(), "holder").woken_by(notifications);
    let other = PgOutbox::new(pool.clone(), &tables(), "other");

    let heard = tokio::spawn(async move { holder.notified().await });
    testkit::eventually(|| async {
        let listening =
            "select exists (select from pg_stat_activity where datname = current_database() and query ilike 'listen%')";
        let listening: bool = sqlx::query_scalar(listening).fetch_one(&pool).await.unwrap();
        listening.then_some(())
    })
    .await;
    assert!(!heard.is_finished());
    other.notify().await.unwrap();

    heard.await.unwrap();
}
