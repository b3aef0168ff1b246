//! The timeline of an order: the records of the topics with its key.

use contracts::events::{OrderCreated, OrderPaid};
use platform::ids;
use serde_json::{Value, json};

use crate::fixture::{Fixture, stored};

#[tokio::test]
async fn the_timeline_has_each_record_of_the_order_once_in_order_with_its_state() {
    let mut fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    let created = OrderCreated {
        order_uuid: order.to_string(),
        user_uuid: user.to_string(),
        total_price_minor: 500,
        ..OrderCreated::default()
    };
    let paid = OrderPaid { order_uuid: order.to_string(), user_uuid: user.to_string(), ..OrderPaid::default() };
    fixture.publish(order, created).await;
    fixture.steps(order, &session, 2).await;
    fixture.publish(order, paid).await;

    let steps = fixture.steps(order, &session, 4).await;

    let shown: Vec<Value> = steps.iter().map(|step| json!([step["kind"], step["service"], step["name"]])).collect();
    let expected = json!([
        ["event", "order", "OrderCreated"],
        ["state", "order", "PENDING_PAYMENT"],
        ["event", "order", "OrderPaid"],
        ["state", "order", "PAID"]
    ]);
    assert_eq!(Value::from(shown), expected);
    assert_eq!(steps[0]["detail"]["payload"]["total_price_minor"], "500");
    let topic = fixture.kafka.topic::<OrderPaid>();
    let record =
        fixture.kafka.messages(&topic).await.into_iter().find(|one| one.key == order.to_string().as_bytes()).unwrap();
    assert_eq!(
        (&steps[2]["topic"], &steps[2]["partition"], &steps[2]["offset"]),
        (&json!(topic), &json!(record.partition), &json!(record.offset))
    );

    fixture.crash().await;
    fixture.publish(ids::random(), OrderPaid::default()).await;
    assert_eq!(fixture.steps(order, &session, 4).await, steps, "what was read is not read again");
}

#[tokio::test]
async fn a_record_that_cannot_be_decoded_is_shown_and_does_not_stop_the_others() {
    let fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    let topic = fixture.kafka.topic::<OrderPaid>();
    fixture.send(&topic, order, "events.v1.OrderPaid", vec![0xff]).await;
    fixture.send(&topic, order, "events.v1.Unheard", Vec::new()).await;
    let paid = OrderPaid { order_uuid: order.to_string(), user_uuid: user.to_string(), ..OrderPaid::default() };
    fixture.publish(order, paid).await;

    let steps = fixture.steps(order, &session, 5).await;

    let names: Vec<&str> =
        steps.iter().filter(|step| step["kind"] == "event").map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["OrderPaid", "Unheard", "OrderPaid"]);
    assert_eq!(steps[0]["detail"]["payload"], Value::Null);
}

#[tokio::test]
async fn a_timeline_of_too_many_records_says_that_later_ones_may_be_missing() {
    let fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.operator_session(ids::random());
    let api = format!("/console/api/orders/{order}/timeline");
    let records: Vec<_> = (0..1_001).map(|offset| stored(order, user, offset)).collect();

    fixture.add(&records[..500]).await;
    assert_eq!(fixture.get(&api, &session).await.json()["is_cut"], Value::Null);
    fixture.add(&records[500..]).await;

    assert_eq!(fixture.get(&api, &session).await.json()["is_cut"], true);
    let page = fixture.get(&format!("/console/orders/{order}"), &session).await;
    assert!(page.text.contains("1000 events; later ones may be missing"), "{} bytes", page.text.len());
}
