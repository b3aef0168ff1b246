//! Tests of the consumers over Kafka.

use std::collections::HashMap;

use contracts::events::{Event, OrderCancelled, ShipAssembled, Topics, group, record};
use outbox::Record;
use platform::{
    grpc::Peer,
    ids,
    kafka::{HEADER_ERROR, dead_letter_topic},
};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use uuid::Uuid;

use crate::api::{Inventory, THRUSTER, inventory};

/// An event as the order service publishes it.
fn published<E: Event>(topics: &Topics, order: Uuid, event: E) -> Record {
    let event = record(order, event);
    let headers = [("event-uuid", event.uuid.to_string()), ("event-type", event.kind.to_owned())];
    Record {
        topic: topics.of::<E>().to_owned(),
        key: order.to_string().into_bytes(),
        payload: event.payload,
        headers: HashMap::from(headers.map(|(name, value)| (name.to_owned(), value))),
    }
}

fn cancelled(topics: &Topics, order: Uuid) -> Record {
    let (order_uuid, user_uuid) = (order.to_string(), Uuid::nil().to_string());
    published(topics, order, OrderCancelled { order_uuid, user_uuid, ..OrderCancelled::default() })
}

fn assembled(topics: &Topics, order: Uuid) -> Record {
    let (order_uuid, user_uuid) = (order.to_string(), Uuid::nil().to_string());
    published(topics, order, ShipAssembled { order_uuid, user_uuid, ..ShipAssembled::default() })
}

/// The available, reserved and consumed units of the Thruster.
async fn stock(inventory: &Inventory) -> (i64, i64, i64) {
    let row = sqlx::query!("select available, reserved, consumed from parts where part_uuid = $1", THRUSTER)
        .fetch_one(&inventory.database.pool)
        .await
        .unwrap();
    (row.available, row.reserved, row.consumed)
}

const CANCELLED: &str = group::<OrderCancelled>("inventory");
const ASSEMBLED: &str = group::<ShipAssembled>("inventory");

async fn handled(inventory: &Inventory, consumer: &str, count: i64) {
    testkit::eventually(|| async {
        let seen = sqlx::query_scalar!(r#"select count(*) as "count!" from inbox where consumer = $1"#, consumer);
        let seen = seen.fetch_one(&inventory.database.pool).await.unwrap();
        (seen == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn reservations_follow_the_events_of_their_orders() {
    let kafka = testkit::kafka().await;
    let topics = kafka.topics();
    let inventory = inventory(kafka.settings()).await;
    inventory.readiness.ready().await;
    let mut health = HealthClient::new(Peer::lazy("inventory", "ADDRESS", &inventory.address.to_string()).unwrap());
    for service in ["", "inventory.v1.InventoryService"] {
        let health = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap().into_inner();
        assert_eq!(health.status(), ServingStatus::Serving);
    }
    let [built, undone, early] = [(); 3].map(|()| ids::random());
    for order in [built, undone] {
        inventory.reserve(&order.to_string(), 2).await.unwrap();
    }

    // The order `early` is cancelled before it has a reservation.
    kafka.publish(vec![cancelled(&topics, early)]).await;
    handled(&inventory, CANCELLED, 1).await;
    assert_eq!(inventory.reserve(&early.to_string(), 2).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(stock(&inventory).await, (86, 4, 0));
    kafka.publish(vec![cancelled(&topics, undone), cancelled(&topics, undone)]).await;
    kafka.publish(vec![assembled(&topics, built), assembled(&topics, built)]).await;
    handled(&inventory, CANCELLED, 2).await;
    // Events that contradict the reservation are recorded in the inbox and change nothing.
    kafka.publish(vec![assembled(&topics, undone), assembled(&topics, ids::random())]).await;
    handled(&inventory, ASSEMBLED, 3).await;

    assert_eq!(stock(&inventory).await, (88, 0, 2));
}

#[tokio::test]
async fn poison_is_dead_lettered_and_blocks_nothing() {
    let kafka = testkit::kafka().await;
    let topics = kafka.topics();
    let inventory = inventory(kafka.settings()).await;
    let good = ids::random();
    let [mut broken, mut empty] = [cancelled(&topics, good), cancelled(&topics, good)];
    broken.payload = b"\xff\xff".to_vec();
    empty.payload = Vec::new();

    kafka.publish(vec![broken, empty, cancelled(&topics, good)]).await;

    handled(&inventory, CANCELLED, 1).await;
    let letters = dead_letter_topic(topics.of::<OrderCancelled>());
    let (kafka, letters) = (&kafka, letters.as_str());
    let letters =
        testkit::eventually(|| async move { Some(kafka.messages(letters).await).filter(|letters| letters.len() == 2) })
            .await;
    assert!(letters.iter().all(|letter| letter.headers.get(HEADER_ERROR).is_some()));
}
