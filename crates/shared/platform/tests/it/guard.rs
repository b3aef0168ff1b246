//! Tests of the guard: methods without a rule, public methods, and long baggage. `operations` tests which caller a rule
//! admits.

use std::net::SocketAddr;

use axum::{Router, middleware, routing::get};
use contracts::{
    identity::GrpcSessions,
    proto::geo::{
        GetGeolocationReply, GetGeolocationRequest,
        geo_client::GeoClient,
        geo_server::{Geo, GeoServer},
    },
};
use futures::future::join_all;
use platform::{
    auth::{Access, Caller, Guard, MemorySessions, SESSION_METADATA, ServiceKey},
    grpc::{Peer, Services, caller},
    http::{self, request_target::OwnHosts},
    server::{health::admin_routes, readiness::Readiness},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, metadata::AsciiMetadataKey};
use uuid::Uuid;

use crate::{
    recording::{long_baggage, record, trace_headers},
    serving::{bind, guard, over_http},
};

const OPERATOR: Uuid = Uuid::from_u128(2);

struct Guarded;

#[tonic::async_trait]
impl Geo for Guarded {
    async fn get_geolocation(
        &self,
        request: Request<GetGeolocationRequest>,
    ) -> Result<Response<GetGeolocationReply>, Status> {
        assert!(caller(&request)?.may_operate());
        Ok(Response::new(GetGeolocationReply::default()))
    }
}

fn services() -> Services {
    Services::new(contracts::proto::DESCRIPTORS).with(GeoServer::new(Guarded))
}

/// Calls geo with this session and baggage. Returns the code of the response.
async fn ask_with_baggage(geo: &Peer, session: &str, baggage: &str) -> Code {
    let mut request = Request::new(GetGeolocationRequest::default());
    let headers = trace_headers(baggage).into_iter().chain([(SESSION_METADATA.to_owned(), session.to_owned())]);
    for (name, value) in headers {
        let name: AsciiMetadataKey = name.parse().expect("a name of metadata");
        request.metadata_mut().insert(name, value.parse().expect("a value of metadata"));
    }
    let response = GeoClient::new(geo.clone()).get_geolocation(request).await;
    response.map_or_else(|refused| refused.code(), |_| Code::Ok)
}

#[tokio::test]
async fn a_callers_long_baggage_fails_neither_its_own_look_up_nor_those_of_others() {
    let _recording = record();
    let iam = testkit::iam().await;
    let sessions = GrpcSessions::new(testkit::peer("iam", iam.address));
    let (address, _server) = testkit::serve(guard(sessions).otherwise(Access::Operator(&[])), services()).await;
    let geo = Peer::lazy("geo", "TEST_ADDRESS", &address.to_string()).unwrap();
    let (unknown, known) = (Uuid::from_u128(3).to_string(), iam.operator_session(OPERATOR));
    let long = long_baggage();

    // One call to iam has the sessions of all waiting requests, and the trace of the first.
    let others = join_all((0..10).map(|_| ask_with_baggage(&geo, &known, "k=v")));
    let (stranger, others) = tokio::join!(ask_with_baggage(&geo, &unknown, &long), others);

    assert_eq!(stranger, Code::Unauthenticated);
    assert_eq!(others, [Code::Ok; 10]);
}

#[tokio::test]
async fn a_public_method_knows_the_service_of_a_valid_token_and_refuses_no_other() {
    let guard = closed().otherwise(Access::Public);
    let who = async |caller: Option<axum::Extension<Caller>>| format!("{:?}", caller.map(|caller| caller.0));
    let router = Router::new().route("/", get(who)).layer(middleware::from_fn_with_state(guard, Guard::http));
    let (address, _server) = over_http(router).await;
    let client = http::client(std::time::Duration::from_secs(5)).unwrap();
    let ask = async |token: &str| {
        let request = client.get(format!("http://{address}/")).header("authorization", format!("Bearer {token}"));
        request.send().await.unwrap().text().await.unwrap()
    };
    let token = |service, audience, key: &str| {
        ServiceKey::new(service, &key.into()).unwrap().token(audience).unwrap().to_string()
    };

    assert_eq!(ask(&token("payment", "geo", testkit::SERVICE_KEY)).await, r#"Some(Service("payment"))"#);
    for stranger in [
        &token("payment", "order", testkit::SERVICE_KEY),
        &token("payment", "geo", "another key, long enough for HS256"),
        "no token",
    ] {
        assert_eq!(ask(stranger).await, "None", "{stranger}");
    }
}

fn closed() -> Guard {
    guard(MemorySessions::default())
}

#[tokio::test]
async fn a_server_with_an_rpc_that_no_rule_names_does_not_start() {
    let (listener, _) = bind().await;

    let serving = services().serve(listener, closed(), Readiness::default(), CancellationToken::new());
    let started = tokio::time::timeout(std::time::Duration::from_secs(10), serving).await;

    let error = started.expect("the server does not start").unwrap_err().to_string();
    assert_eq!(error, "no rule says who may call /geo.Geo/GetGeolocation");
}

#[tokio::test]
async fn a_route_that_no_rule_names_is_refused() {
    let router =
        Router::new().route("/", get(async || "here")).layer(middleware::from_fn_with_state(closed(), Guard::http));
    let (address, _server) = over_http(router).await;
    let client = http::client(std::time::Duration::from_secs(5)).unwrap();

    let response = client.get(format!("http://{address}/")).send().await.unwrap();

    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn an_open_api_answers_only_at_its_own_hosts() {
    let open = || closed().otherwise(Access::Operator(&[])).open();
    let router =
        Router::new().route("/", get(async || "here")).layer(middleware::from_fn_with_state(open(), Guard::http));
    let (at_api, _api) = over_http(router).await;
    let (at_admin, _admin) = over_http(admin_routes(vec![Readiness::default()], OwnHosts::default())).await;
    let (at_calls, _calls) = testkit::serve(open(), services()).await;
    // A name of a stranger that leads to this machine, as for a browser on the stranger's page.
    let client = || http::client_builder().resolve("evil.example", at_api);
    let ask = async |host: &str, address: SocketAddr, path: &str| {
        let response = client().build().unwrap().get(format!("http://{host}:{}{path}", address.port())).send().await;
        let response = response.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let call = async |host: &str| {
        let url = format!("http://{host}:{}/geo.Geo/GetGeolocation", at_calls.port());
        let request = client().http2_prior_knowledge().build().unwrap().post(url).body(vec![0_u8; 5]);
        let response = request.header("content-type", "application/grpc").send().await.unwrap();
        response.headers().get("grpc-status").map(|status| status.to_str().unwrap().to_owned())
    };

    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(ask(host, at_api, "/").await, (200, "here".to_owned()), "{host}");
        assert_eq!(ask(host, at_admin, "/health/live").await.0, 200, "{host}");
        assert_ne!(call(host).await.as_deref(), Some("7"), "{host}");
    }
    for (address, path) in [(at_api, "/"), (at_admin, "/health/live"), (at_admin, "/metrics"), (at_admin, "/none")] {
        let (status, problem) = ask("evil.example", address, path).await;
        let problem: serde_json::Value = serde_json::from_str(&problem).unwrap_or_default();
        assert_eq!((status, &problem["code"]), (421, &"MISDIRECTED_REQUEST".into()), "{path}: {problem}");
    }
    assert_eq!(call("evil.example").await.as_deref(), Some("7"));
}
