//! The test kit's own tests.

use std::collections::HashMap;

use contracts::events::OrderPaid;
use platform::kafka::Record;
use sqlx::migrate::Migrator;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/console");

#[tokio::test]
async fn every_database_is_migrated_and_its_own() {
    let (first, second) = tokio::join!(testkit::database(&MIGRATIONS), testkit::database(&MIGRATIONS));

    sqlx::query("insert into leases values ('one', 'me', 1, now())").execute(&first.pool).await.unwrap();

    let count: i64 = sqlx::query_scalar("select count(*) from leases").fetch_one(&second.pool).await.unwrap();
    assert_eq!(count, 0);
    assert_ne!(first.url, second.url);
}

#[tokio::test]
async fn redis_answers() {
    let client = redis::Client::open(testkit::redis().await.url).unwrap();

    let mut connection = client.get_multiplexed_async_connection().await.unwrap();

    redis::cmd("PING").exec_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn what_is_published_is_in_its_topic_alone() {
    let (first, second) = tokio::join!(testkit::kafka(), testkit::kafka());
    let topic = first.topic::<OrderPaid>();
    let record = Record { topic: topic.clone(), key: b"k".to_vec(), payload: b"v".to_vec(), headers: HashMap::new() };

    first.publish(vec![record]).await;

    assert_eq!(first.messages(&topic).await.first().unwrap().payload, b"v");
    assert!(second.messages(&second.topic::<OrderPaid>()).await.is_empty());
}

#[tokio::test]
async fn the_stand_in_for_iam_knows_the_sessions_and_tokens_that_were_made() {
    use contracts::identity::GrpcSessions;
    use platform::auth::{Credential, SessionError, Sessions as _, User};

    let iam = testkit::iam().await;
    let user = uuid::Uuid::from_u128(1);
    let sessions = GrpcSessions::new(testkit::peer("iam", iam.address));

    for known in [Credential::Session(iam.session(user)), Credential::Token(iam.token(user))] {
        assert_eq!(sessions.owner(&known).await, Ok(User::plain(user)));
    }
    assert_eq!(sessions.owner(&Credential::Session("unheard of".to_owned())).await, Err(SessionError::Invalid));
}

#[test]
fn a_statement_that_another_thread_reaches_first_is_captured() {
    fn say() {
        tracing::info!("said");
    }
    let (log, _guard) = testkit::MemoryLog::capture(tracing::Level::INFO);

    std::thread::spawn(say).join().unwrap();
    say();

    assert!(log.text().contains("said"));
}
