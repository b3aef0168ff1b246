//! The list of the couriers.

use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

use crate::program::{Variables, shipyard};

/// A stand-in for the delivery service that answers with these couriers. With `session`, it answers only within that
/// session.
async fn delivery(couriers: ResponseTemplate, session: Option<&str>) -> MockServer {
    let server = MockServer::start().await;
    let orders = json!([{ "id": "00000000-0000-0000-0000-000000000abc", "location": { "x": 5, "y": 3 } }]);
    for (api, answer) in [("couriers", couriers), ("orders/active", ResponseTemplate::new(200).set_body_json(orders))] {
        let mut mock = Mock::given(method("GET")).and(path(format!("/api/v1/{api}")));
        if let Some(session) = session {
            mock = mock.and(header("X-Session-Uuid", session));
        }
        mock.respond_with(answer).mount(&server).await;
    }
    server
}

fn couriers() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!([
        { "id": "00000000-0000-0000-0000-000000000001", "name": "Пеший", "location": { "x": 1, "y": 1 }, "speed": 1 },
        { "id": "00000000-0000-0000-0000-000000000002", "name": "Вело", "location": { "x": 2, "y": 2 }, "speed": 2,
          "order_id": "00000000-0000-0000-0000-000000000abc", "new_member": true },
    ]))
}

async fn run(arguments: &[&str], server: &MockServer) -> (bool, String, String) {
    let variables: Variables = vec![("DELIVERY_URL".to_owned(), server.uri())];
    let directory = tempfile::tempdir().unwrap();
    let mut command = shipyard(&[&["couriers"], arguments].concat(), &variables, directory.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_couriers_are_listed_with_what_they_carry() {
    let (success, said, complaint) = run(&[], &delivery(couriers(), None).await).await;

    assert!(success, "{complaint}");
    assert!(said.contains("  Пеший") && said.contains("carries …00000abc to (5, 3)"), "{said}");
}

#[tokio::test]
async fn the_couriers_and_their_orders_are_also_json() {
    let (success, said, complaint) = run(&["--json"], &delivery(couriers(), None).await).await;

    assert!(success, "{complaint}");
    let list: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&list["couriers"][1]["name"], &list["couriers"][1]["speed"]), (&json!("Вело"), &json!(2)), "{list}");
    assert_eq!(
        (&list["couriers"][1]["order_id"], &list["orders"][0]["location"]["x"]),
        (&list["orders"][0]["id"], &json!(5))
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_one_sentence() {
    let strange = ResponseTemplate::new(200).set_body_string("<html>");
    let cases = [
        (ResponseTemplate::new(503), "delivery answered 503"),
        (ResponseTemplate::new(401), "name yours with --session"),
        (strange, "is not as delivery answers it"),
    ];
    for (answer, sentence) in cases {
        let (success, said, complaint) = run(&[], &delivery(answer, None).await).await;

        assert!(!success && said.is_empty() && complaint.contains(sentence), "{complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
    }
}

#[tokio::test]
async fn a_closed_delivery_is_asked_with_a_session() {
    let server = delivery(couriers(), Some("ada")).await;

    assert!(run(&["--session", "ada"], &server).await.0);
    assert!(!run(&[], &server).await.0);
}
