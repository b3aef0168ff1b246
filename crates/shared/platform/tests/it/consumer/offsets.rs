//! Tests of where consumers continue: after a topic was deleted and created again, records have expired, or a replica
//! has left.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
};

use super::*;

impl Setup {
    fn admin(&self) -> AdminClient<DefaultClientContext> {
        let client = ClientConfig::new().set("bootstrap.servers", &self.kafka.config().kafka_brokers).create();
        client.expect("an admin client can be made")
    }

    /// Deletes the topic and creates it again, with three partitions. Waits until the broker has replaced the old
    /// topic, which has records: until then, it still takes records for the old one.
    async fn create_again(&self) {
        let (admin, options) = (self.admin(), AdminOptions::new());
        admin.delete_topics(&[&self.topic], &options).await.unwrap();
        eventually(|| async {
            let new = NewTopic::new(&self.topic, 3, TopicReplication::Fixed(1));
            let created = admin.create_topics(&[new], &options).await;
            // The consumer creates a missing topic, too.
            let created = created.unwrap().remove(0);
            (created.is_ok() || created.unwrap_err().1 == rdkafka::types::RDKafkaErrorCode::TopicAlreadyExists)
                .then_some(())
        })
        .await;
        eventually(|| async {
            let (config, topic) = (self.kafka.config(), self.topic.clone());
            let asked = tokio::task::spawn_blocking(move || {
                let client: BaseConsumer =
                    ClientConfig::new().set("bootstrap.servers", &config.kafka_brokers).create()?;
                (0..3).map(|partition| client.fetch_watermarks(&topic, partition, Duration::from_secs(5))).collect()
            });
            let ends: rdkafka::error::KafkaResult<Vec<(i64, i64)>> = asked.await.unwrap();
            ends.is_ok_and(|ends| ends.iter().all(|(_, end)| *end == 0)).then_some(())
        })
        .await;
    }

    pub(super) async fn members(&self) -> usize {
        let config = self.kafka.config();
        let group = format!("{}notes", config.kafka_group_prefix);
        let asked = tokio::task::spawn_blocking(move || {
            let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &config.kafka_brokers).create()?;
            let list = client.fetch_group_list(Some(&group), Duration::from_secs(10))?;
            rdkafka::error::KafkaResult::Ok(list.groups().first().map_or(0, |group| group.members().len()))
        });
        asked.await.unwrap().unwrap()
    }
}

pub(super) fn is_real(setup: &Setup) -> bool {
    // The mock cluster has no admin API.
    setup.kafka.config().kafka_create_topics
}

#[tokio::test(flavor = "multi_thread")]
async fn the_positions_of_a_topic_that_was_created_again_are_found() {
    let setup = Setup::new().await;
    if !is_real(&setup) {
        return;
    }
    let (consumer, _) = setup.consume();
    setup.publish_numbers(0..30).await;
    setup.notes.wait_for(30).await;
    consumer.stop().await;
    let foreign = async |marks: &HashMap<i32, Mark>| {
        let (config, topic, marks) = (setup.kafka.config(), setup.topic.clone(), marks.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let reader = Reader::new(&config, "notes")?;
            marks.iter().try_for_each(|(partition, mark)| reader.mark(&topic, *partition, mark))?;
            anyhow::Ok((reader.marks(&topic, &[0, 1, 2])?, reader.foreign_marks(&topic)?.len()))
        });
        asked.await.unwrap().unwrap()
    };
    let (marks, found) = foreign(&HashMap::new()).await;
    assert_eq!((marks.is_empty(), found), (false, 0));

    setup.create_again().await;
    // The new topic is longer than the old one, so that every old offset exists in it.
    setup.publish_numbers(1_000..1_060).await;

    // The broker has deleted the offsets with the topic. A consumer that runs meanwhile commits them again.
    let (_, found) = foreign(&marks).await;
    assert_eq!(found, marks.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stops_leaves_its_group() {
    let setup = Setup::new().await;
    for is_static in [false, true] {
        let (consumer, readiness) = setup.consumer(setup.notes.clone());
        let consumer = if is_static { consumer.at("place-") } else { consumer };
        let running = testkit::run(|stop| consumer.run(stop));
        readiness.ready().await;
        assert_eq!(setup.members().await, 1);

        running.stop().await;

        // A member that does not leave keeps its partitions until its session expires.
        assert_eq!(setup.members().await, 0, "is static: {is_static}");
    }
}

#[tokio::test]
async fn records_that_expired_before_they_were_read_are_counted() {
    let setup = Setup::new().await;
    if !is_real(&setup) {
        return;
    }
    // Metrics are recorded per thread, and the runtime of this test has only one.
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (consumer, _) = setup.consume();
    setup.publish((0..30).map(|number| (1, number))).await;
    setup.notes.wait_for(30).await;
    consumer.stop().await;

    setup.publish((30..60).map(|number| (1, number))).await;
    let partition = i32::try_from(crc32fast::hash(b"1") % 3).unwrap();
    platform::kafka::delete_records(&setup.kafka.config(), &setup.topic, &[(partition, 45)]).await.unwrap();
    let (consumer, _) = setup.consume();

    setup.notes.wait_for(45).await;
    eventually(|| async {
        recorder.handle().render().contains("kafka_records_missed_total{group=\"notes\"} 15\n").then_some(())
    })
    .await;
    consumer.stop().await;
}
