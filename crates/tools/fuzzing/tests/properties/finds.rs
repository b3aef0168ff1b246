//! One test for each defect found by fuzzing.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use geo::{api, model::Streets, service::GeoService};
use http::{Method, Request, Uri, header};
use http_body_util::BodyExt as _;
use platform::{
    auth::{Guard, MemorySessions, ServiceKey},
    http::{layers, method_not_allowed, not_found},
};
use serde_json::Value;
use tonic::{Code, Status};
use tower::ServiceExt as _;

/// Sends this body to geo without a caller's identity.
async fn call(body: &[u8]) -> Status {
    call_with(Request::builder(), body).await
}

async fn call_with(request: http::request::Builder, body: &[u8]) -> Status {
    let key = ServiceKey::new("geo", &"0123456789abcdef0123456789abcdef".into()).unwrap();
    let guard = Guard::new(Arc::new(MemorySessions::default()), key, api::RULES);
    let router = api::services(GeoService::new(Streets::default())).router(guard, 8).unwrap();
    let request = request.method(Method::POST).uri("/geo.Geo/GetGeolocation");
    let request = request.header(header::CONTENT_TYPE, "application/grpc");
    let response = router.oneshot(request.body(Body::from(body.to_vec())).unwrap()).await.unwrap();
    Status::from_header_map(response.headers()).expect("the call fails at once")
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_a_mistake_of_its_caller() {
    let decoding = "the message cannot be decoded: ";
    for (body, said) in [
        (&[0, 0, 0, 0, 1, 0xff][..], decoding),
        (&[0, 0, 0, 0, 3, 0x0a, 1, 0xff], decoding),
        (&[0, 0, 0, 0, 2, 0x08, 1], decoding),
        (&[], "the call has no message"),
        (&[0, 0, 0], "the message is shorter than its prefix says"),
        (&[0, 0, 0, 0, 9, 1], "the message is shorter than its prefix says"),
        (&[7, 0, 0, 0, 0], "the message does not begin with its prefix"),
        (&[1, 0, 0, 0, 0], "the message is marked as compressed"),
    ] {
        let status = call(body).await;

        assert_eq!(status.code(), Code::InvalidArgument, "{body:?}: {status}");
        assert!(status.message().starts_with(said), "{body:?}: {status}");
    }
    let text = call(&[0, 0, 0, 0, 3, 0x0a, 1, 0xff]).await;
    assert!(text.message().contains("GetGeolocationRequest.street"), "the field is named: {text}");
}

#[tokio::test]
async fn an_unknown_compression_is_refused_and_not_echoed() {
    let encoding = http::HeaderValue::from_bytes(&[173; 300]).unwrap();

    let status = call_with(Request::builder().header("grpc-encoding", encoding), &[0, 0, 0, 0, 0]).await;

    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "grpc-encoding names a compression that this server does not support");
    assert!(status.metadata().contains_key("grpc-accept-encoding"), "{:?}", status.metadata());
}

/// Returns an API that leaves error responses to the framework.
fn careless() -> Router {
    let api = Router::new()
        .route("/things/{id}", get(async |_: Path<u32>| "here"))
        .route("/things", post(async |_: Json<Vec<u32>>| "here"))
        .route("/list", get(async |_: Query<Vec<(String, u8)>>| "here"));
    layers(api)
}

async fn send(request: http::request::Builder, body: &str) -> Response {
    careless().oneshot(request.header(header::HOST, "x").body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_the_framework_refuses_is_a_problem_document() {
    let json = "application/json";
    for (request, body, status, code) in [
        (Request::get("/nowhere"), "", 404, "NOT_FOUND"),
        (Request::put("/things/1"), "", 405, "METHOD_NOT_ALLOWED"),
        (Request::get("/things/hunter2"), "", 400, "INVALID_REQUEST"),
        (Request::get("/things/%FF"), "", 400, "INVALID_REQUEST"),
        (Request::get("/list?hunter2=x"), "", 400, "INVALID_REQUEST"),
        (Request::post("/things").header(header::CONTENT_TYPE, json), "hunter2", 400, "INVALID_REQUEST"),
        (Request::post("/things"), "[]", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (Request::post("/things").header(header::CONTENT_TYPE, json), "[\"hunter2\"]", 422, "INVALID_REQUEST"),
    ] {
        let response = send(request, body).await;

        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{status}");
        assert_eq!(response.headers().contains_key(header::ALLOW), status == 405);
        let problem = response.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&problem).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()), "{problem}");
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_echoed_in_part_and_escaped() {
    let long = Uri::try_from(format!("/{}", "x".repeat(10_000))).unwrap();
    let odd = Uri::try_from("/a\"b/\u{202e}").unwrap();

    let (long, odd) = (not_found(long).await.message, not_found(odd).await.message);

    assert!(long.starts_with("/xxx") && long.ends_with("xxx… not found") && long.len() < 200, "{long}");
    assert_eq!(odd, r#"/a\"b/\u{202e} not found"#);
}

#[tokio::test]
async fn an_unknown_method_is_echoed_in_part() {
    let long = Method::from_bytes(&[b'X'; 10_000]).unwrap();

    assert!(method_not_allowed(long).await.message.len() < 64);
    assert_eq!(method_not_allowed(Method::PUT).await.message, "PUT is not allowed here");
}
