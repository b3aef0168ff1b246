//! Tests of Kafka over TLS: which brokers are trusted, and the delivery of events.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use certificates::Subject;
use outbox::Publisher as _;
use platform::{
    config::Settings,
    kafka::{Config, KafkaPublisher, KafkaRefusal, ensure_topics, probe},
    server::readiness::Readiness,
};
use testkit::{TlsKafka, eventually, tls_kafka};
use tokio::{io::AsyncReadExt as _, sync::mpsc};
use tokio_rustls::TlsAcceptor;

use super::fixture::{CA, Files, pair, server};
use crate::{
    seen::{consume, record},
    serving::bind,
};

const PROTOCOL: &str = "KAFKA_SECURITY_PROTOCOL";
const CA_FILE: &str = "KAFKA_SSL_CA_FILE";

/// Starts a broker with a certificate of `subject` that completes handshakes and then sends nothing.
async fn handshakes(files: &Files, subject: &Subject) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(server(&pair(&files.authority, subject))));
    let (listener, address) = bind().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream).await?.read_to_end(&mut Vec::new()).await });
        }
    });
    address
}

/// Returns the settings of a client that trusts the authority in the file `ca`.
fn ssl(brokers: impl Into<String>, ca: &Path) -> Settings {
    Settings::from_variables([
        ("KAFKA_BROKERS", brokers.into()),
        ("KAFKA_TOPIC_PARTITIONS", "1".to_owned()),
        (PROTOCOL, "ssl".to_owned()),
        (CA_FILE, ca.display().to_string()),
    ])
}

fn load(settings: &Settings) -> Config {
    Config::load(settings).expect("these settings are complete")
}

async fn probed(settings: &Settings) -> anyhow::Error {
    let config = load(settings);
    let outcome = tokio::task::spawn_blocking(move || probe(&config, &[])).await.expect("no panic");
    outcome.expect_err("the broker is refused")
}

/// Waits until the consumer reports that it does not trust the broker.
async fn refuses(readiness: &Readiness) {
    eventually(|| async { readiness.waiting_for().iter().any(|one| one == "group: TLS failed").then_some(()) }).await;
}

async fn next(seen: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Vec<u8> {
    tokio::time::timeout(Duration::from_mins(1), seen.recv()).await.expect("it arrives").expect("the consumer runs")
}

/// Starts a broker. Returns it with the files of its authority, or `None` if there is no container engine.
async fn broker() -> Option<(TlsKafka, Files)> {
    let Some(kafka) = tls_kafka().await else {
        assert!(!crate::access::has_docker());
        return None;
    };
    let files = Files::new("order");
    files.write(CA, &kafka.authority);
    Some((kafka, files))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_with_a_wrong_certificate_is_refused_and_that_is_said() {
    let (files, others) = (Files::new("order"), Files::new("order"));
    let kafka = Subject::store("kafka");
    let elsewhere = Subject { hosts: vec!["elsewhere".to_owned()], ..kafka.clone() };
    let authority = handshakes(&others, &kafka).await;
    let name = handshakes(&files, &elsewhere).await;

    for (case, broker) in [("authority", authority), ("name", name)] {
        let settings = ssl(format!("localhost:{}", broker.port()), &files.path(CA));
        let error = probed(&settings).await;
        println!("{case}: {error:#}");
        assert!(matches!(error.downcast_ref(), Some(KafkaRefusal::Tls(_))), "{case}: {error:#}");
        assert!(error.to_string().contains(CA_FILE), "{case}: {error:#}");
        let made = ensure_topics(&load(&settings), &["topic"]).await.unwrap_err();
        assert!(made.is::<KafkaRefusal>(), "{case}: {made:#}");
    }
    let right = probed(&ssl(format!("localhost:{}", handshakes(&files, &kafka).await.port()), &files.path(CA))).await;
    assert!(!right.is::<KafkaRefusal>(), "what lets it in and is silent is no wrong certificate: {right:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_makes_no_topics_and_a_producer_say_that_they_do_not_trust_the_broker() {
    let (files, others) = (Files::new("order"), Files::new("order"));
    let broker = handshakes(&others, &Subject::store("kafka")).await;
    let settings = ssl(format!("localhost:{}", broker.port()), &files.path(CA));
    let config = load(&settings.with([("KAFKA_CREATE_TOPICS", "false".to_owned())]));

    let (running, readiness, _) = consume(&config, "topic", "group");
    refuses(&readiness).await;
    let publisher = KafkaPublisher::new(&config).unwrap();
    let outcome =
        tokio::time::timeout(Duration::from_secs(30), publisher.publish(vec![record("topic", "event")])).await;
    let refused = outcome.expect("it ends").unwrap_err();

    assert!(matches!(refused.downcast_ref(), Some(KafkaRefusal::Tls(_))), "{refused:#}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_over_tls_with_and_without_users() {
    let Some((kafka, files)) = broker().await else { return };
    let user = [
        (PROTOCOL, "sasl_ssl".to_owned()),
        ("KAFKA_SASL_USERNAME", "order".to_owned()),
        ("KAFKA_SASL_PASSWORD", "of-a-test".to_owned()),
    ];
    let without = ssl(kafka.ssl, &files.path(CA));
    let with = ssl(kafka.sasl_ssl, &files.path(CA)).with(user);

    for (settings, topic) in [(&without, "ssl"), (&with, "sasl-ssl")] {
        let config = load(settings);
        KafkaPublisher::new(&config).unwrap().publish(vec![record(topic, "event")]).await.unwrap();
        let (running, readiness, mut seen) = consume(&config, topic, "group");
        assert_eq!(next(&mut seen).await, b"event", "{topic}");
        assert!(readiness.is_ready());
        running.stop().await;
    }
    let wrong = probed(&with.with([("KAFKA_SASL_PASSWORD", "wrong".to_owned())])).await;
    assert_eq!(wrong.downcast_ref(), Some(&KafkaRefusal::Credentials), "{wrong:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_in_the_file_is_used_after_the_old_one_has_failed() {
    let Some((kafka, files)) = broker().await else { return };
    let others = Files::new("order");
    let right = load(&ssl(kafka.ssl.clone(), &files.path(CA)));
    ensure_topics(&right, &["new-authority"]).await.unwrap();
    let settings = ssl(kafka.ssl, &others.path(CA)).with([("KAFKA_CREATE_TOPICS", "false".to_owned())]);
    let config = load(&settings);
    let publisher = KafkaPublisher::new(&config).unwrap();
    let refused = publisher.publish(vec![record("new-authority", "event")]).await.unwrap_err();
    let (running, readiness, mut seen) = consume(&config, "new-authority", "group");
    refuses(&readiness).await;

    others.write(CA, &format!("{}{}", others.authority.certificate(), kafka.authority));
    publisher.publish(vec![record("new-authority", "event")]).await.unwrap();

    assert!(refused.is::<KafkaRefusal>(), "{refused:#}");
    assert_eq!(next(&mut seen).await, b"event");
    running.stop().await;
}
