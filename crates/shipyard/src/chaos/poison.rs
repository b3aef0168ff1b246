//! Records that nobody can handle.

use std::collections::HashMap;

use audit::facts;
use events::{Event as _, OrderCancelled, OrderPaid, ROUTES, record};
use platform::{ids, kafka::Record};
use uuid::Uuid;

use super::{topics, world::World};

/// The header by which a poison is known again.
const MARK: &str = "chaos-poison";
/// More than a broker takes unless it is told to.
const LARGE: usize = 2_000_000;
/// A reason that the contract does not have.
const WHIM: i32 = 99;

/// Sends four kinds of poison, each to every topic that can have it: how many records that makes.
pub async fn send(world: &mut World) -> anyhow::Result<usize> {
    let batch = ids::random().to_string();
    let mut records = Vec::new();
    for route in &ROUTES {
        let topic = route.topic(&world.sources.topics);
        records.push(poison(topic, route.kind, b"\xff\xff\xff\xff".to_vec()));
        records.push(poison(topic, "events.v1.Unheard", Vec::new()));
        records.push(poison(topic, route.kind, vec![0xff; LARGE]));
        records.extend(unknown_value(route.kind).map(|payload| poison(topic, route.kind, payload)));
    }
    for record in &mut records {
        record.headers.insert(MARK.to_owned(), batch.clone());
    }
    let count = records.len();
    topics::publish(world, records).await?;
    let sent = topics::records(world).await?;
    let ours = sent.into_iter().filter(|(_, message)| message.headers.get(MARK) == Some(&batch));
    let places = ours.map(|(_, message)| facts::Poison {
        topic: message.topic,
        partition: message.partition,
        offset: message.offset,
    });
    world.poison.extend(places);
    Ok(count)
}

fn poison(topic: &str, kind: &str, payload: Vec<u8>) -> Record {
    let key = ids::random().to_string().into_bytes();
    let headers = HashMap::from([("event-type".to_owned(), kind.to_owned())]);
    Record { topic: topic.to_owned(), key, payload, headers }
}

/// An event with a value that the contract does not have, of a type that has such values.
fn unknown_value(kind: &str) -> Option<Vec<u8>> {
    let order: Uuid = ids::random();
    let (order_uuid, user_uuid) = (order.to_string(), ids::random().to_string());
    match kind {
        OrderPaid::TYPE => {
            let event =
                OrderPaid { order_uuid, user_uuid, payment_method: "BARTER".to_owned(), ..OrderPaid::default() };
            Some(record(order, event).payload)
        }
        OrderCancelled::TYPE => {
            let event = OrderCancelled { order_uuid, user_uuid, reason: WHIM, ..OrderCancelled::default() };
            Some(record(order, event).payload)
        }
        _ => None,
    }
}
