//! A snapshot of every name that is derived from the declarations and stored or configured outside this program. These
//! names must not change.

use uuid::Uuid;

use super::{
    Consumer, CustomerCreated, CustomerUpdated, DeliveryStatusUpdated, INBOUND, PaymentCompleted, Published, ROUTES,
    Topics, broker_users, catalogue, producers, record, rights,
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
        for Consumer { service, group } in route.readers() {
            line(format!("event {kind} to {service} as {group}"));
        }
    }
    for inbound in &INBOUND {
        let (topic, Consumer { service, group }) = (inbound.topic(&topics), inbound.consumer);
        line(format!("inbound {topic} from {:?} to {service} as {group}", inbound.producer));
    }
    line(format!("producers {:?}", producers().collect::<Vec<_>>()));
    line(format!("users {:?}", broker_users()));
    catalogue::default_ids().into_iter().chain(ids_with_parts()).for_each(|(kind, id)| line(format!("id {kind} {id}")));
    for right in rights(&topics, "") {
        line(format!("{right:?}"));
    }
    names.sort();

    insta::assert_snapshot!(names.join("\n"));
}

/// The ids of events with the key 1 and a part that distinguishes events of one type.
fn ids_with_parts() -> Vec<(&'static str, Uuid)> {
    fn id<E: Published>(event: E) -> (&'static str, Uuid) {
        let event = record(Uuid::from_u128(1), event);
        (event.kind, event.uuid)
    }
    let status = "DELIVERED".to_owned();
    vec![
        id(PaymentCompleted { attempt: 2, ..PaymentCompleted::default() }),
        id(DeliveryStatusUpdated { status, ..DeliveryStatusUpdated::default() }),
        id(CustomerCreated { version: 1, ..CustomerCreated::default() }),
        id(CustomerCreated { version: 4, ..CustomerCreated::default() }),
        id(CustomerUpdated { version: 2, ..CustomerUpdated::default() }),
    ]
}
