//! Tests that a retried message delays no other partition, even if the handlers of all partitions share one group
//! commit.

use std::sync::Arc;

use async_trait::async_trait;
use platform::{
    kafka::{Failure, Handler, Message},
    postgres::{Database, DatabaseError, GroupCommit},
};
use sqlx::Connection as _;

use super::{KEYS, Setup, eventually};

/// A handler that counts each message in the row of its name.
struct Counter(GroupCommit<String, ()>);

impl Counter {
    fn new(database: Database) -> Self {
        let count = |database: Database, names: Arc<[String]>| async move {
            let counted = "update counts set count = count + 1 where name = any($1)";
            sqlx::query(counted).bind(names.to_vec()).execute(&database).await.map(drop)
        };
        Self(GroupCommit::without_answers("count", database, count))
    }
}

#[async_trait]
impl Handler for Counter {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let name = String::from_utf8_lossy(&message.payload).into_owned();
        Ok(self.0.submit(name).await.map_err(DatabaseError::from)?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_for_a_lock_does_not_hold_up_other_partitions_with_the_group_that_it_shares() {
    let (setup, database) = (Setup::new().await, testkit::empty_database().await);
    database.pool.set([("lock_timeout", "200ms")]);
    let table = "create table counts (name text primary key, count int not null default 0)";
    sqlx::query(table).execute(&database.pool).await.unwrap();
    let rows = "insert into counts (name) select generate_series(0, $1)::text";
    sqlx::query(rows).bind(i32::try_from(KEYS).unwrap() - 1).execute(&database.pool).await.unwrap();
    let counted = async || -> Vec<String> {
        let counted = sqlx::query_scalar("select name from counts where count = 1 order by 1");
        counted.fetch_all(&database.pool).await.unwrap()
    };
    let mut connection = database.pool.connect().await.unwrap();
    sqlx::query("set idle_in_transaction_session_timeout = 0").execute(&mut connection).await.unwrap();
    let mut holder = connection.begin().await.unwrap();
    sqlx::query("select from counts where name = '0' for update").execute(&mut *holder).await.unwrap();
    let (consumer, readiness) = setup.consume_by(Arc::new(Counter::new(database.pool.clone())));
    readiness.ready().await;

    // Keys 0 to 5 are in several partitions; the message of key 0 is the first of its partition.
    setup.publish_numbers(0..KEYS).await;
    let published = setup.kafka.messages(&setup.topic).await;
    let locked = published.iter().find(|message| message.payload == b"0").expect("it was published").partition;
    let others = published.iter().filter(|message| message.partition != locked).count();
    eventually(|| async { (counted().await.len() >= others).then_some(()) }).await;
    let meanwhile = counted().await;
    holder.rollback().await.unwrap();
    eventually(|| async { (counted().await.len() == KEYS).then_some(()) }).await;

    assert!(others > 0 && !meanwhile.contains(&"0".to_owned()), "{meanwhile:?}");
    consumer.stop().await;
}
