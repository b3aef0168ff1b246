//! Tests that a dead letter and its replay are byte-for-byte copies of the original record.

use platform::kafka::{
    self, ExactRecord, HEADER_CLUSTER, HEADER_OFFSET, HEADER_PARTITION, HEADER_PUBLISHED_AT, Headers, KafkaPublisher,
};

use super::*;

struct Rejects;

#[async_trait]
impl Handler for Rejects {
    async fn handle(&self, _: &Message) -> Result<(), Failure> {
        Err(Failure::poison("it is poison"))
    }
}

/// Returns records whose parts are absent, empty or present.
fn records(topic: &str) -> Vec<ExactRecord> {
    let headers = |all: &[(&str, Option<&[u8]>)]| -> Headers {
        all.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect()
    };
    let odd = headers(&[
        ("trace", Some(b"\x00\xff\xfe")),
        ("again", Some(b"1")),
        ("null", None),
        ("again", Some(b"2")),
        ("empty", Some(b"")),
        // This looks like a header of a dead letter, but belongs to the original record.
        ("dlq-error", Some(b"of another system")),
    ]);
    let record = |key: Option<&[u8]>, payload: Option<&[u8]>, headers: &Headers| ExactRecord {
        topic: topic.to_owned(),
        key: key.map(<[u8]>::to_vec),
        payload: payload.map(<[u8]>::to_vec),
        headers: headers.clone(),
    };
    vec![
        record(None, Some(b"no key"), &odd),
        record(Some(b""), Some(b"empty key"), &odd),
        record(Some(b"\xff\x00"), None, &odd),
        record(Some(b"key"), Some(b""), &Headers::default()),
        record(None, None, &Headers::default()),
    ]
}

fn exact(message: Message) -> ExactRecord {
    let Message { topic, key, payload, headers, absent, .. } = message;
    let (key, payload) = (Some(key).filter(|_| !absent.key), Some(payload).filter(|_| !absent.payload));
    ExactRecord { topic, key, payload, headers }
}

fn sorted(mut records: Vec<ExactRecord>) -> Vec<ExactRecord> {
    records.sort_by_key(|record| format!("{record:?}"));
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_and_its_replay_are_the_record_byte_for_byte() {
    let setup = Setup::new().await;
    let publisher = KafkaPublisher::new(&setup.kafka.config()).unwrap();
    let records = records(&setup.topic);
    for record in &records {
        publisher.publish_exact(record).await.unwrap();
    }

    let (consumer, _) = setup.consume_by(Arc::new(Rejects));
    let dead = dead_letter_topic(&setup.topic);
    let letters = eventually(|| async {
        Some(setup.kafka.messages(&dead).await).filter(|letters| letters.len() == records.len())
    })
    .await;
    consumer.stop().await;

    let rejected = setup.kafka.messages(&setup.topic).await;
    for Message { headers, .. } in &letters {
        let text = |name| headers.get(name).unwrap_or_default();
        let [topic, error, attempts] = [HEADER_TOPIC, HEADER_ERROR, HEADER_ATTEMPTS].map(text);
        assert_eq!([topic, error, attempts], [setup.topic.as_str(), "it is poison", "1"]);
        let is_origin = |message: &&Message| {
            [HEADER_PARTITION, HEADER_OFFSET].map(text) == [message.partition.to_string(), message.offset.to_string()]
        };
        let published_at = rejected.iter().find(is_origin).and_then(|message| message.published_at);
        assert_eq!(headers.get(HEADER_PUBLISHED_AT), published_at.map(|at| at.to_rfc3339()).as_deref());
        assert!(!text(HEADER_CLUSTER).is_empty());
    }
    let originals: Vec<_> = letters.into_iter().map(|letter| kafka::original(letter, setup.topic.clone())).collect();
    assert_eq!(sorted(originals.clone()), sorted(records.clone()));

    for original in &originals {
        publisher.publish_exact(original).await.unwrap();
    }
    let all = setup.kafka.messages(&setup.topic).await.into_iter().map(exact).collect();
    assert_eq!(sorted(all), sorted([records.clone(), records].concat()));
}
