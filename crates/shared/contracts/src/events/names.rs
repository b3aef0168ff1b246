//! A snapshot of every name that follows from the declarations and is stored or configured outside this program: it must not change.

use uuid::Uuid;

use super::{
    AssemblyFailed, Consumer, CustomerCreated, CustomerUpdated, DeliveryStatusUpdated, INBOUND, OrderCancelled,
    OrderCompletedIntegrationEvent, OrderCreated, OrderCreatedIntegrationEvent, OrderPaid, PaymentCompleted, Published,
    ROUTES, ShipAssembled, TIMELINE, Topics, broker_users, producers, record, rights,
};

#[test]
fn names_that_are_stored_stay_as_they_are() {
    let topics = Topics::default();
    let mut names = Vec::new();
    let mut line = |text: String| names.push(text);
    for (variable, topic) in topics.variables() {
        line(format!("variable {variable} = {topic}"));
    }
    for route in &ROUTES {
        let kind = route.kind;
        line(format!("event {kind} from {} in {}", route.producer, route.topic(&topics)));
        for Consumer { service, group } in route.consumers {
            line(format!("event {kind} to {service} as {group}"));
        }
        if route.is_of_order() {
            line(format!("event {kind} to {} as {}", TIMELINE.service, TIMELINE.group));
        }
    }
    for inbound in &INBOUND {
        let (topic, Consumer { service, group }) = (inbound.topic(&topics), inbound.consumer);
        line(format!("inbound {topic} from {:?} to {service} as {group}", inbound.producer));
    }
    line(format!("producers {:?}", producers().collect::<Vec<_>>()));
    line(format!("users {:?}", broker_users()));
    ids().into_iter().for_each(&mut line);
    for right in rights(&topics, "") {
        line(format!("{right:?}"));
    }
    names.sort();

    insta::assert_snapshot!(names.join("\n"));
}

/// Returns the ids of events with the key 1.
fn ids() -> Vec<String> {
    fn id<E: Published>(event: E) -> String {
        let event = record(Uuid::from_u128(1), event);
        format!("id {} {}", event.kind, event.uuid)
    }
    let status = "DELIVERED".to_owned();
    vec![
        id(OrderCreated::default()),
        id(PaymentCompleted { attempt: 2, ..PaymentCompleted::default() }),
        id(OrderPaid::default()),
        id(ShipAssembled::default()),
        id(AssemblyFailed::default()),
        id(OrderCancelled::default()),
        id(DeliveryStatusUpdated { status, ..DeliveryStatusUpdated::default() }),
        id(OrderCreatedIntegrationEvent::default()),
        id(OrderCompletedIntegrationEvent::default()),
        id(CustomerCreated { version: 1, ..CustomerCreated::default() }),
        id(CustomerCreated { version: 4, ..CustomerCreated::default() }),
        id(CustomerUpdated { version: 2, ..CustomerUpdated::default() }),
    ]
}
