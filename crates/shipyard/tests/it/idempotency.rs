//! A POST that is repeated under its key.

use serde_json::json;

use crate::{
    customer::{Customer, ORDERS},
    system::System,
};

#[tokio::test]
async fn a_repeated_order_is_one_order_answered_byte_for_byte() {
    let customer = Customer::new(System::shared().await).await;
    let part = customer.part("Thruster").await.uuid;
    let body = json!({ "user_uuid": customer.user, "part_uuids": [part] });

    let first = customer.post_once("\"order-1\"", ORDERS, body.clone()).await.unwrap();
    let second = customer.post_once("order-1", ORDERS, body).await.unwrap();

    assert_eq!((first.status, &first.text), (second.status, &second.text));
    assert_eq!(first.headers["location"], second.headers["location"]);
    assert_eq!(first.headers["content-type"], second.headers["content-type"]);
    first.success(201);
    assert_eq!(customer.get(ORDERS).await.success(200)["orders"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_repeated_payment_or_cancellation_gets_the_stored_answer() {
    let customer = Customer::new(System::shared().await).await;
    let part = customer.part("Thruster").await.uuid;
    let (paid, cancelled) = (customer.order(&[&part]).await, customer.order(&[&part]).await);
    let pay = format!("{ORDERS}/{paid}/pay");
    let cancel = format!("{ORDERS}/{cancelled}/cancel");
    let method = json!({ "payment_method": "CARD" });

    let first = customer.post_once("pay", &pay, method.clone()).await.unwrap();
    let second = customer.post_once("pay", &pay, method.clone()).await.unwrap();
    let ended = customer.post_once("cancel", &cancel, json!({})).await.unwrap();
    let ended_again = customer.post_once("cancel", &cancel, json!({})).await.unwrap();

    assert_eq!(first.text, second.text);
    first.success(200);
    assert_eq!(ended.text, ended_again.text);
    ended_again.success(204);
    customer.post_once("another", &pay, method).await.unwrap().problem(409, "INVALID_STATUS");
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_user() {
    let system = System::shared().await;
    let (ada, bob) = (Customer::new(system).await, Customer::new(system).await);
    let part = ada.part("Thruster").await.uuid;
    let order = |user, count: usize| json!({ "user_uuid": user, "part_uuids": vec![&part; count] });

    ada.post_once("mine", ORDERS, order(ada.user, 1)).await.unwrap().success(201);

    let strange = json!({ "user_uuid": ada.user, "part_uuids": [&part, &uuid::Uuid::nil().to_string()] });

    ada.post_once("mine", ORDERS, order(ada.user, 2)).await.unwrap().problem(422, "IDEMPOTENCY_KEY_REUSED");
    ada.post_once("mine", ORDERS, strange).await.unwrap().problem(422, "IDEMPOTENCY_KEY_REUSED");
    bob.post_once("mine", ORDERS, order(bob.user, 1)).await.unwrap().success(201);
    let long = "k".repeat(256);
    let problem = ada.post_once(&long, ORDERS, order(ada.user, 1)).await.unwrap().problem(400, "INVALID_REQUEST");
    assert_eq!(problem["field"], "Idempotency-Key");
}
