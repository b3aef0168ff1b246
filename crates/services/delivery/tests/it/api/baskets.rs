//! `basket.confirmed`, as outside programs write it.

use contracts::events::BASKET_CONFIRMED;
use contracts::proto::basket::events::{Address, BasketConfirmedIntegrationEvent};
use futures::future::join_all;
use platform::ids;
use prost::Message as _;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use super::Fixture;

fn basket(id: Uuid, street: &str, volume: i32) -> Vec<u8> {
    let address = Some(Address { street: street.to_owned() });
    BasketConfirmedIntegrationEvent { basket_id: id.to_string(), address, volume }.encode_to_vec()
}

/// The name of the courier that gets a basket of this volume for this cell, right after the first start.
async fn carrier(cell: (i32, i32), volume: i32, is_taken: bool) -> Option<String> {
    let fixture = Fixture::new("1h").await;
    fixture.outside.cells.lock().expect("no test panics").insert("Main Street".to_owned(), cell);
    fixture.couriers(|couriers| couriers.len() == 3).await;
    let id = ids::random();
    let topic = BASKET_CONFIRMED.topic(&fixture.kafka.topics()).to_owned();
    fixture.publish_raw(&topic, vec![basket(id, "Main Street", volume)]).await;
    let expected = json!([{ "id": id, "location": { "x": cell.0, "y": cell.1 } }]);
    eventually(|| async { (fixture.get("/api/v1/orders/active", None).await.1 == expected).then_some(()) }).await;
    let carries = |courier: &Value| courier["order_id"] == json!(id);
    let couriers = fixture.couriers(|couriers| !is_taken || couriers.iter().any(carries)).await;
    couriers.iter().find(|one| carries(one)).and_then(|one| Some(one["name"].as_str()?.to_owned()))
}

#[tokio::test]
async fn a_basket_is_carried_by_the_courier_of_the_contracts_vectors() {
    // The tests of the model check the other vectors of the contract, and those of the consumer the other forms of the
    // message.
    let vectors = [((1, 1), 20, Some("Вело")), ((2, 1), 5, Some("Авто")), ((1, 1), 101, None)];
    join_all(vectors.map(|(cell, volume, name)| async move {
        assert_eq!(carrier(cell, volume, name.is_some()).await.as_deref(), name, "{volume} to {cell:?}");
    }))
    .await;
}

#[tokio::test]
async fn bad_baskets_are_dead_lettered_and_hold_up_no_good_one() {
    let fixture = Fixture::new("1h").await;
    let topic = BASKET_CONFIRMED.topic(&fixture.kafka.topics()).to_owned();
    let mut records: Vec<Vec<u8>> = (0..20).map(|_| basket(ids::random(), "Main Street", 5)).collect();
    records.insert(3, b"secret".to_vec());
    records.insert(7, basket(ids::random(), "secret", 0));
    records.insert(11, basket(ids::random(), "nowhere", 5));

    for round in 1..=2 {
        fixture.publish_raw(&topic, records.clone()).await;

        let letters = fixture.letters(&topic, 3 * round).await;
        assert_eq!(letters.len(), 3 * round);
        for letter in &letters {
            let mut problem = letter.headers.texts().filter(|(name, _)| name.contains("error"));
            assert!(problem.all(|(_, text)| !text.contains("secret") && !text.contains("nowhere")), "{letter:?}");
        }
        eventually(|| async {
            let (_, active) = fixture.get("/api/v1/orders/active", None).await;
            (active.as_array()?.len() == 20).then_some(())
        })
        .await;
    }
}
