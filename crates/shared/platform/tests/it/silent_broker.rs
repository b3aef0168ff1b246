//! Tests of a request to a broker that does not respond.

use std::time::Duration;

use platform::{
    config::Settings,
    kafka::{Config, Reader, ensure_topics},
};
use stand_ins::Proxy;
use tokio::time::timeout;

#[tokio::test]
async fn questions_to_a_broker_that_is_silent_end_in_time() {
    let proxy = Proxy::unaimed().await.unwrap();
    proxy.hang();
    let config: Config = Settings::from_variables([("KAFKA_BROKERS", proxy.address().to_string())]).read().unwrap();

    let made = timeout(Duration::from_secs(30), ensure_topics(&config, &["topic"])).await.expect("it ends");
    let read = tokio::task::spawn_blocking(move || Reader::new(&config, "tool").and_then(|one| one.extents("topic")));
    let read = timeout(Duration::from_secs(30), read).await.expect("it ends").unwrap();

    assert!(made.is_err() && read.is_err());
}
