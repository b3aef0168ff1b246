//! The HTTP API.

use platform::ids;
use serde_json::json;
use uuid::Uuid;

use super::Fixture;

#[tokio::test]
async fn the_first_couriers_are_there_and_another_can_be_added() {
    let fixture = Fixture::new("1h").await;

    let couriers = fixture.couriers(|couriers| couriers.len() == 3).await;

    let car = json!({
        "id": "0f860f2c-d76a-4140-99b3-fcc63f27a826", "name": "Авто", "location": { "x": 3, "y": 3 }, "speed": 3,
    });
    assert_eq!(couriers[2], car);
    let (status, added) = fixture.post("/api/v1/couriers", &json!({ "name": "Вело", "speed": 2 }), None).await;
    assert_eq!(status, 201);
    let couriers = fixture.couriers(|couriers| couriers.len() == 4).await;
    assert_eq!(couriers[3]["id"], added["courierId"]);
    assert!(["x", "y"].iter().all(|side| (1..=10).contains(&couriers[3]["location"][side].as_i64().unwrap())));
    let path = format!("/api/v1/couriers/{}/storage-places", added["courierId"].as_str().unwrap());
    let (status, place) = fixture.post(&path, &json!({ "name": "Багажник", "total_volume": 30 }), None).await;
    assert_eq!(status, 201);
    assert!(place["storagePlaceId"].as_str().unwrap().parse::<Uuid>().is_ok());
    let path = format!("/api/v1/couriers/{}/storage-places", ids::random());
    let (status, problem) = fixture.post(&path, &json!({ "name": "a", "total_volume": 1 }), None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("COURIER_NOT_FOUND")));
    let (status, problem) = fixture.get("/nowhere", None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn a_trial_order_is_active_until_it_arrives() {
    let fixture = Fixture::new("1h").await;
    fixture.outside.cells.lock().unwrap().insert("Несуществующая".to_owned(), (10, 8));

    let (status, created) = fixture.post("/api/v1/orders", &json!({ "anything": 1 }), None).await;

    assert_eq!(status, 201);
    let (_, active) = fixture.get("/api/v1/orders/active", None).await;
    assert_eq!(active, json!([{ "id": created["orderId"], "location": { "x": 10, "y": 8 } }]));
    // The courier by car needs the fewest steps.
    let couriers = fixture.couriers(|couriers| couriers.iter().any(|one| one["order_id"].is_string())).await;
    assert_eq!(couriers[2]["order_id"], created["orderId"]);
}

#[tokio::test]
async fn bad_input_names_the_field() {
    let fixture = Fixture::new("1h").await;
    let long = "x".repeat(101);
    let couriers = "/api/v1/couriers";
    let places = "/api/v1/couriers/0f860f2c-d76a-4140-99b3-fcc63f27a826/storage-places";
    for (path, body, field) in [
        (couriers, json!({ "name": " ", "speed": 1 }), "name"),
        (couriers, json!({ "name": long, "speed": 1 }), "name"),
        (couriers, json!({ "name": 1, "speed": 1 }), "name"),
        (couriers, json!({ "speed": 1 }), "name"),
        (couriers, json!({ "name": "a", "speed": 0 }), "speed"),
        (couriers, json!({ "name": "a", "speed": -1 }), "speed"),
        (couriers, json!({ "name": "a", "speed": 1.5 }), "speed"),
        (couriers, json!({ "name": "a", "speed": 101 }), "speed"),
        (couriers, json!({ "name": "a" }), "speed"),
        (couriers, json!([]), "body"),
        (places, json!({ "name": "a", "total_volume": 0 }), "total_volume"),
        (places, json!({ "name": "a", "total_volume": 10_001 }), "total_volume"),
        ("/api/v1/couriers/one/storage-places", json!({ "name": "a", "total_volume": 1 }), "id"),
        ("/api/v1/couriers/%FF/storage-places", json!({ "name": "a", "total_volume": 1 }), "id"),
    ] {
        let (status, problem) = fixture.post(path, &body, None).await;

        assert_eq!(
            (status, &problem["code"], &problem["field"]),
            (400, &json!("INVALID_REQUEST"), &json!(field)),
            "{body}"
        );
    }
    let request = fixture.request(reqwest::Method::POST, couriers, None).body("no json");
    let response = request.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn a_closed_api_wants_a_session_to_read_and_an_operator_to_write() {
    let fixture = Fixture::with("1h", false).await;
    let user = fixture.iam.session(ids::random());
    let operator = fixture.iam.operator_session(ids::random());
    let courier = json!({ "name": "a", "speed": 1 });

    assert_eq!(fixture.get("/health", None).await, (200, json!({ "status": "Healthy" })));
    assert_eq!(fixture.get("/api/v1/health", None).await.0, 200);
    assert_eq!(fixture.get("/openapi.json", None).await.0, 200);
    assert_eq!(fixture.get("/api/v1/couriers", None).await.0, 401);
    assert_eq!(fixture.get("/api/v1/couriers", Some(&user)).await.0, 200);
    assert_eq!(fixture.post("/api/v1/couriers", &courier, None).await.0, 401);
    let (status, problem) = fixture.post("/api/v1/couriers", &courier, Some(&user)).await;
    assert_eq!((status, &problem["code"]), (403, &json!("FORBIDDEN")));
    assert_eq!(fixture.post("/api/v1/couriers", &courier, Some(&operator)).await.0, 201);
    // A trial order has no user: only operators see its id and location.
    assert_eq!(fixture.post("/api/v1/orders", &json!({}), Some(&user)).await.0, 403);
    assert_eq!(fixture.post("/api/v1/orders", &json!({}), Some(&operator)).await.0, 201);
    assert_eq!(fixture.get("/api/v1/orders/active", Some(&user)).await, (200, json!([])));
    assert_eq!(fixture.get("/api/v1/orders/active", Some(&operator)).await.1.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_trial_order_without_geo_is_unavailable_and_geo_gets_neither_session_nor_token() {
    let fixture = Fixture::with("1h", false).await;
    let operator = fixture.iam.operator_session(ids::random());
    fixture.outside.cells.lock().unwrap().insert("Несуществующая".to_owned(), (11, 0));

    let (status, problem) = fixture.post("/api/v1/orders", &json!({}), Some(&operator)).await;

    assert_eq!((status, &problem["code"]), (503, &json!("DEPENDENCY_UNAVAILABLE")));
    let headers = fixture.outside.geo_headers.lock().unwrap().join(" ");
    assert!(headers.contains("grpc-timeout"), "{headers}");
    assert!(!headers.contains("session-uuid") && !headers.contains("authorization"), "{headers}");
}
