//! The list of the couriers.

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use crate::program::{Variables, shipyard};

#[tokio::test]
async fn the_couriers_and_their_orders_are_also_json() {
    let couriers = json!([
        { "id": "00000000-0000-0000-0000-000000000001", "name": "Пеший", "location": { "x": 1, "y": 1 }, "speed": 1 },
        { "id": "00000000-0000-0000-0000-000000000002", "name": "Вело", "location": { "x": 2, "y": 2 }, "speed": 2,
          "order_id": "00000000-0000-0000-0000-000000000abc", "new_member": true },
    ]);
    let orders = json!([{ "id": "00000000-0000-0000-0000-000000000abc", "location": { "x": 5, "y": 3 } }]);
    let delivery = MockServer::start().await;
    for (api, answer) in [("couriers", couriers), ("orders/active", orders)] {
        let mock = Mock::given(method("GET")).and(path(format!("/api/v1/{api}")));
        mock.respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&delivery).await;
    }
    let variables: Variables = vec![("DELIVERY_URL".to_owned(), delivery.uri())];
    let directory = tempfile::tempdir().unwrap();
    let mut command = shipyard(&["couriers", "--json"], &variables, directory.path());

    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();

    assert!(output.status.success(), "{output:?}");
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&list["couriers"][1]["name"], &list["couriers"][1]["speed"]), (&json!("Вело"), &json!(2)), "{list}");
    assert_eq!(
        (&list["couriers"][1]["order_id"], &list["orders"][0]["location"]["x"]),
        (&list["orders"][0]["id"], &json!(5))
    );
}
