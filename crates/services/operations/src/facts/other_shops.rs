//! Reads the topic of other shops' orders, and the orders that intake stores.

use std::collections::HashMap;

use anyhow::Context as _;
use audit::facts::{Intake, IntakeOrder, IntakeRecord, Unread, digest};
use chrono::{DateTime, Utc};
use contracts::events::{ORDERS, Topics};
use futures::TryStreamExt as _;
use intake::model::{Delivery, Item, Order, Payment};
use platform::{
    http::json,
    kafka::{self, Extent, Mark, Reader, dead_letter_topic},
};
use sqlx::{FromRow, types::Json};

use super::{
    Progress, snapshot,
    topics::{GROUP, PROGRESS_EVERY},
};
use crate::{
    SERVICE,
    databases::Databases,
    dead_letters::{self, Beginning, DeadLetter},
    repository::resolved_letters::{Resolved, ResolvedLetters},
};

/// Reads the committed offsets before the tables and the topic, so that the tables contain every record consumed until
/// then.
pub async fn read(
    databases: &Databases,
    config: &kafka::Config,
    topics: &Topics,
    progress: Progress,
) -> anyhow::Result<Intake> {
    let topic = ORDERS.topic(topics).to_owned();
    let (own, name) = (config.clone(), topic.clone());
    let marked = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&own, ORDERS.consumer.group)?;
        let extents = reader.extents(&name)?;
        let partitions: Vec<i32> = extents.iter().map(|extent| extent.partition).collect();
        if partitions.is_empty() {
            return Ok((extents, HashMap::new()));
        }
        let marks = reader.marks(&name, &partitions)?;
        anyhow::Ok((extents, marks))
    });
    let (extents, marks) = marked.await.context("reading the offsets of orders")??;
    let orders = orders(databases).await?;
    let own = config.clone();
    let reading = tokio::task::spawn_blocking(move || records(&own, &topic, &extents, &marks, &progress));
    let read = reading.await.context("reading the topic of orders")??;
    // The resolved letters are read after the topic: they include each letter that was pruned before.
    let resolved = ResolvedLetters::new(databases.get(&SERVICE)?.clone()).all().await?;
    Ok(Intake { orders, ..read.with_letters(&resolved) })
}

/// The content of the topic and of its dead-letter topic.
struct Read {
    intake: Intake,
    /// The times of the records.
    times: HashMap<(i32, i64), DateTime<Utc>>,
    letters: Vec<DeadLetter>,
    dead_letter_topic: String,
    cluster: String,
}

impl Read {
    /// Adds the records that were dead-lettered, including those whose letters are resolved and pruned.
    fn with_letters(self, resolved: &Resolved) -> Intake {
        let pruned = resolved.pruned(&self.dead_letter_topic, &self.letters);
        let letters_pruned = pruned.iter().filter(|row| row.record().is_none()).count();
        let pruned = pruned.into_iter().map(|row| (row.record(), row.origin()));
        let known = self.letters.iter().map(|letter| (letter.record(), letter.published())).chain(pruned);
        let topic = Beginning { cluster: self.cluster, first: HashMap::new() };
        let own = known.filter_map(|(record, origin)| {
            record.filter(|place| {
                // Programs outside choose the times of their records, so times are compared only for equality.
                let is_same = self.times.get(place).is_none_or(|at| origin.at.is_none_or(|origin| origin == *at));
                is_same && topic.has(place.0, place.1, &origin)
            })
        });
        Intake { letters: own.collect(), letters_pruned, ..self.intake }
    }
}

/// Returns the parts of these extents that the consumer has committed.
fn consumed(extents: &[Extent], marks: &HashMap<i32, Mark>) -> Vec<Extent> {
    let consumed = extents.iter().filter_map(|extent| {
        let end = marks.get(&extent.partition)?.next.min(extent.end);
        Some(Extent { partition: extent.partition, start: extent.start, end })
            .filter(|extent| extent.start < extent.end)
    });
    consumed.collect()
}

fn records(
    config: &kafka::Config,
    topic: &str,
    extents: &[Extent],
    marks: &HashMap<i32, Mark>,
    progress: &Progress,
) -> anyhow::Result<Read> {
    let reader = Reader::new(config, GROUP)?;
    let consumed = consumed(extents, marks);
    let total = consumed.iter().map(|extent| extent.end - extent.start).sum::<i64>();
    let total = usize::try_from(total).unwrap_or_default();
    let mut intake = Intake { partitions: extents.len(), ..Intake::default() };
    progress(topic, 0, total);
    let mut times = HashMap::new();
    reader.read(topic, &consumed, |message, at| {
        times.insert((message.partition, message.offset), at);
        let order: Option<Order> = json::decode(&message.payload).ok();
        let order = order.map(Order::as_stored).map(|order| (order.order_uid.to_string(), digest(&order)));
        intake.records.push(IntakeRecord { partition: message.partition, offset: message.offset, order });
        if intake.records.len().is_multiple_of(PROGRESS_EVERY) {
            progress(topic, intake.records.len(), total);
        }
    })?;
    intake.unread = unread(&reader.limited_like_a_consumer(), topic, extents, marks)?;
    let reader = Reader::new(config, GROUP)?;
    let dead_letter_topic = dead_letter_topic(topic);
    // The topic's records are not events, so they have no event type.
    let letters = dead_letters::read(&reader, &dead_letter_topic, |letter| letter.without_payload(""))?;
    let (letters, cluster) = (letters.unwrap_or_default(), reader.cluster().unwrap_or_default());
    Ok(Read { intake, times, letters, dead_letter_topic, cluster })
}

/// Returns the partitions with records after the committed offset.
fn unread(reader: &Reader, topic: &str, extents: &[Extent], marks: &HashMap<i32, Mark>) -> anyhow::Result<Vec<Unread>> {
    let mut all = Vec::new();
    for extent in extents {
        let next = marks.get(&extent.partition).map_or(extent.start, |mark| mark.next);
        let start = next.max(extent.start);
        let (count, expired) = (extent.end - start, start - next);
        if count <= 0 && expired == 0 {
            continue;
        }
        let mut since = (count <= 0).then_some(DateTime::<Utc>::MAX_UTC);
        let first = Extent { start, end: extent.end.min(start + 1), ..*extent };
        match reader.read(topic, &[first], |_, at| since = Some(at)) {
            // The offset belongs to a transaction's marker, not to a record.
            Ok(()) if since.is_none() && expired == 0 => continue,
            Err(error) if !error.downcast_ref().is_some_and(kafka::cannot_be_decoded) => return Err(error),
            Ok(()) | Err(_) => {}
        }
        all.push(Unread { partition: extent.partition, count, expired, since });
    }
    Ok(all)
}

#[derive(FromRow)]
struct Row {
    order_uid: String,
    erased: bool,
    content: Json<Order>,
    delivery: Option<Json<Delivery>>,
    payment: Option<Json<Payment>>,
    items: Option<Json<Vec<Item>>>,
}

async fn orders(databases: &Databases) -> anyhow::Result<Vec<IntakeOrder>> {
    let mut database = snapshot(databases, &intake::SERVICE).await?;
    let mut rows = sqlx::query_as::<_, Row>(
        "select o.order_uid, o.erased_at is not null as erased, row_to_json(o) as content, row_to_json(d) as delivery,
            row_to_json(p) as payment, i.all as items
        from orders o left join deliveries d using (order_uid) left join payments p using (order_uid),
            lateral (select json_agg(items order by position) as all from items where order_uid = o.order_uid) i",
    )
    .fetch(&mut database);
    let mut orders = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let order = Order {
            delivery: row.delivery.map(|Json(delivery)| delivery).unwrap_or_default(),
            payment: row.payment.map(|Json(payment)| payment).unwrap_or_default(),
            items: row.items.map(|Json(items)| items).unwrap_or_default(),
            ..row.content.0
        };
        orders.push(IntakeOrder { uid: row.order_uid, content: (!row.erased).then(|| digest(&order)) });
    }
    Ok(orders)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use outbox::Record;

    use super::*;

    /// Publishes a record, or the dead letter of a record with this partition, offset and time of publication.
    async fn publish(broker: &testkit::Kafka, topic: &str, letter: Option<(i32, i64, &str)>) {
        let headers = letter.map(|(partition, offset, at)| {
            let named = [(kafka::HEADER_PARTITION, partition.to_string()), (kafka::HEADER_OFFSET, offset.to_string())];
            let at = Some((kafka::HEADER_PUBLISHED_AT, at.to_owned())).filter(|(_, at)| !at.is_empty());
            named.into_iter().chain(at).map(|(name, value)| (name.to_owned(), value)).collect()
        });
        let topic = if letter.is_some() { dead_letter_topic(topic) } else { topic.to_owned() };
        let (key, payload, headers) = (b"key".to_vec(), b"{}".to_vec(), headers.unwrap_or_default());
        broker.publish(vec![Record { topic, key, payload, headers }]).await;
    }

    #[tokio::test]
    async fn a_dead_letter_of_an_earlier_topic_hides_no_record() {
        let broker = testkit::kafka().await;
        let (config, topic) = (broker.config(), ORDERS.topic(&broker.topics()).to_owned());
        for _ in 0..5 {
            publish(&broker, &topic, None).await;
        }
        let records_before = broker.messages(&topic).await;
        let partition = records_before[0].partition;
        let own = records_before.iter().find(|record| record.offset == 3).and_then(|record| record.published_at);
        let own = own.unwrap().to_rfc3339();
        for (offset, at) in [(2, "2020-01-01T00:00:00Z"), (3, &own), (4, "")] {
            publish(&broker, &topic, Some((partition, offset, at))).await;
        }
        let extents = [Extent { partition, start: 0, end: 5 }];
        let marks = HashMap::from([(partition, Mark { next: 5, note: String::new() })]);

        let progress: Progress = Arc::new(|_, _, _| {});
        let reading = tokio::task::spawn_blocking(move || records(&config, &topic, &extents, &marks, &progress));
        let read = reading.await.unwrap().unwrap().with_letters(&Resolved::default());

        assert_eq!(read.records.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(read.letters, HashSet::from([(partition, 3), (partition, 4)]));
    }
}
