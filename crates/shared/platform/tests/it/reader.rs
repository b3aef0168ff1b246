//! Tests of reading whole topics, and of the marks that tools commit.

use std::{collections::HashMap, sync::Arc};

use contracts::events::OrderPaid;
use platform::kafka::{Mark, Reader, Record, retention};

fn record(topic: &str, key: &str, payload: &str) -> Record {
    Record { topic: topic.to_owned(), key: key.into(), payload: payload.into(), headers: HashMap::new() }
}

#[tokio::test]
async fn a_topic_is_read_from_its_start_to_its_end_and_marks_are_kept() {
    let kafka = testkit::kafka().await;
    let topic = kafka.topic::<OrderPaid>();
    let records: Vec<Record> = (0..50).map(|n| record(&topic, &format!("key-{}", n % 7), &n.to_string())).collect();
    kafka.publish(records).await;
    let reader = Arc::new(Reader::new(&kafka.config(), "tools").unwrap());
    let mark = Mark { next: 3, note: "5-7,9,".to_owned() };

    let (read, nowhere, before, after) = tokio::task::spawn_blocking({
        let (topic, mark) = (topic.clone(), mark.clone());
        move || {
            let extents = reader.extents(&topic).unwrap();
            let mut read: HashMap<Vec<u8>, Vec<u32>> = HashMap::new();
            reader
                .read(&topic, &extents, |message, _| {
                    let payload = String::from_utf8(message.payload).unwrap();
                    read.entry(message.key).or_default().push(payload.parse().unwrap());
                })
                .unwrap();
            let nowhere = reader.extents("nowhere").unwrap();
            let before = reader.marks(&topic, &[0, 1]).unwrap();
            reader.mark(&topic, 1, &mark).unwrap();
            (read, nowhere, before, reader.marks(&topic, &[0, 1]).unwrap())
        }
    })
    .await
    .unwrap();

    assert_eq!(read.values().map(Vec::len).sum::<usize>(), 50);
    assert!(read.values().all(|numbers| numbers.is_sorted()), "those of one key are in their order: {read:?}");
    assert!(nowhere.is_empty() && before.is_empty());
    assert_eq!(after, HashMap::from([(1, mark)]));
    // The mock cluster does not report the configuration of topics.
    if let Ok(kept) = retention(&kafka.config(), &topic).await {
        assert_eq!(kept, Some(kafka.config().kafka_topic_retention));
    }
}
