//! `basket.confirmed`, as outside programs write it.

use contracts::events::BASKET_CONFIRMED;
use contracts::proto::basket::events::{Address, BasketConfirmedIntegrationEvent};
use futures::future::join_all;
use platform::{ids, kafka::dead_letter_topic};
use prost::{
    Message as _,
    encoding::{bytes, int32, string},
};
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use super::Fixture;

/// The shortest form.
fn short(basket: Uuid, street: &str, volume: i32) -> Vec<u8> {
    let address = Some(Address { street: street.to_owned() });
    BasketConfirmedIntegrationEvent { basket_id: basket.to_string(), address, volume }.encode_to_vec()
}

/// The form with a full address, items and a delivery period.
fn course(basket: Uuid, street: &str, volume: i32) -> Vec<u8> {
    fields(&[(1, &basket.to_string())], &[(2, full(street)), (3, fields(&[(1, "item")], &[], &[]))], &[(5, volume)])
}

fn enveloped(basket: Uuid, street: &str, volume: i32) -> Vec<u8> {
    let event = ids::random().to_string();
    fields(
        &[(1, &event), (2, "basket.confirmed"), (3, "2026-11-20T00:00:00Z"), (4, &basket.to_string())],
        &[(5, full(street))],
        &[(8, volume)],
    )
}

fn full(street: &str) -> Vec<u8> {
    fields(&[(1, "Россия"), (2, "Москва"), (3, street), (4, "1"), (5, "1")], &[], &[])
}

fn fields(texts: &[(u32, &str)], messages: &[(u32, Vec<u8>)], numbers: &[(u32, i32)]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, text) in texts {
        string::encode(*number, &(*text).to_owned(), &mut message);
    }
    for (number, inner) in messages {
        bytes::encode(*number, inner, &mut message);
    }
    for (number, value) in numbers {
        int32::encode(*number, value, &mut message);
    }
    message
}

/// The name of the courier that gets a basket of this volume for this cell, right after the first start.
async fn carrier(form: Form, cell: (i32, i32), volume: i32, is_taken: bool) -> Option<String> {
    let fixture = Fixture::new("1h").await;
    fixture.outside.cells.lock().expect("no test panics").insert("Main Street".to_owned(), cell);
    fixture.couriers(|couriers| couriers.len() == 3).await;
    let basket = ids::random();
    let topic = BASKET_CONFIRMED.topic(&fixture.kafka.topics()).to_owned();
    fixture.publish_raw(&topic, vec![form(basket, "Main Street", volume)]).await;
    let expected = json!([{ "id": basket, "location": { "x": cell.0, "y": cell.1 } }]);
    eventually(|| async { (fixture.get("/api/v1/orders/active", None).await.1 == expected).then_some(()) }).await;
    let carries = |courier: &Value| courier["order_id"] == json!(basket);
    let couriers = fixture.couriers(|couriers| !is_taken || couriers.iter().any(carries)).await;
    couriers.iter().find(|one| carries(one)).and_then(|one| Some(one["name"].as_str()?.to_owned()))
}

type Form = fn(Uuid, &str, i32) -> Vec<u8>;

#[tokio::test]
async fn the_contracts_vectors_in_all_three_forms() {
    // The model's tests have the other vectors.
    let vectors: [(Form, _, _, _); 3] =
        [(short, (1, 1), 20, Some("Вело")), (course, (2, 1), 5, Some("Авто")), (enveloped, (1, 1), 101, None)];
    join_all(vectors.map(|(form, cell, volume, name)| async move {
        assert_eq!(carrier(form, cell, volume, name.is_some()).await.as_deref(), name, "{volume} to {cell:?}");
    }))
    .await;
}

#[tokio::test]
async fn bad_baskets_are_dead_lettered_and_hold_up_no_good_one() {
    let fixture = Fixture::new("1h").await;
    let topic = BASKET_CONFIRMED.topic(&fixture.kafka.topics()).to_owned();
    let mut records: Vec<Vec<u8>> = (0..20).map(|_| short(ids::random(), "Main Street", 5)).collect();
    records.insert(3, b"secret".to_vec());
    records.insert(7, short(ids::random(), "secret", 0));
    records.insert(11, short(ids::random(), "nowhere", 5));

    for round in 1..=2 {
        fixture.publish_raw(&topic, records.clone()).await;

        let dead = dead_letter_topic(&topic);
        let letters = eventually(|| async {
            let letters = fixture.kafka.messages(&dead).await;
            (letters.len() == 3 * round).then_some(letters)
        })
        .await;
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
