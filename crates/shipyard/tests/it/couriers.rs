//! The list of the couriers.

use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use crate::program::{Variables, shipyard};

#[tokio::test]
async fn couriers_are_listed_with_what_they_carry_and_then_the_orders_that_wait() {
    let couriers = json!([
        { "id": "00000000-0000-0000-0000-000000000001", "name": "Пеший", "location": { "x": 1, "y": 1 }, "speed": 1 },
        { "id": "00000000-0000-0000-0000-000000000002", "name": "\u{1b}[2JВело", "location": { "x": 2, "y": 2 },
          "speed": 2, "order_id": "00000000-0000-0000-0000-000000000abc", "new_member": true },
    ]);
    let orders = json!([
        { "id": "00000000-0000-0000-0000-000000000abc", "location": { "x": 5, "y": 3 } },
        { "id": "00000000-0000-0000-0000-000000000def", "location": { "x": 5, "y": 4 } },
    ]);
    let delivery = MockServer::start().await;
    for (api, response) in [("couriers", couriers), ("orders/active", orders)] {
        let mock = Mock::given(method("GET")).and(path(format!("/api/v1/{api}")));
        mock.respond_with(ResponseTemplate::new(200).set_body_json(response)).mount(&delivery).await;
    }
    let variables: Variables = vec![("DELIVERY_URL".to_owned(), delivery.uri())];
    let directory = tempfile::tempdir().unwrap();
    let mut command = shipyard(&["couriers"], &variables, directory.path());

    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();

    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "courier Пеший at (1, 1), speed 1: free
courier \\u{1b}[2JВело at (2, 2), speed 2: carries 00000000-0000-0000-0000-000000000abc
order 00000000-0000-0000-0000-000000000def to (5, 4): waits for a courier
"
    );
}
