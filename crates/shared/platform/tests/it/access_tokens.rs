//! Tests of the guard with users' access tokens, over gRPC and HTTP.

use std::{net::SocketAddr, time::Duration};

use axum::{Extension, Router, http::HeaderMap, middleware, routing::get};
use contracts::{
    identity::GrpcSessions,
    proto::geo::{
        GetGeolocationReply, GetGeolocationRequest, Location,
        geo_client::GeoClient,
        geo_server::{Geo, GeoServer},
    },
};
use platform::{
    auth::{Access, Caller, Guard, SESSION_HEADER, SESSION_METADATA, forward_session},
    grpc::{Services, caller},
    http,
};
use testkit::{Iam, Running};
use tonic::{Code, Request, Response, Status, transport::Endpoint};
use uuid::Uuid;

use crate::serving::{guard, key, over_http};

const USER: Uuid = Uuid::from_u128(1);
/// The header of an access token, `{"typ":"at+jwt","alg":"ES256"}`.
const AT_JWT: &str = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9";

struct Guarded;

#[tonic::async_trait]
impl Geo for Guarded {
    /// Responds whether a user calls, and whether a session is forwarded.
    async fn get_geolocation(
        &self,
        request: Request<GetGeolocationRequest>,
    ) -> Result<Response<GetGeolocationReply>, Status> {
        let x = i32::from(matches!(caller(&request)?, Caller::User(user) if user.uuid == USER));
        let mut forwarded = HeaderMap::new();
        forward_session(&mut forwarded);
        let y = i32::from(forwarded.contains_key(SESSION_METADATA));
        Ok(Response::new(GetGeolocationReply { location: Some(Location { x, y }) }))
    }
}

struct Fixture {
    iam: Iam,
    grpc: SocketAddr,
    http: SocketAddr,
    _servers: [Running; 2],
}

async fn fixture() -> Fixture {
    let iam = testkit::iam().await;
    let sessions = GrpcSessions::new(testkit::peer("iam", iam.address));
    let guard = guard(sessions).otherwise(Access::Session(&["order"]));
    let services = Services::new(contracts::proto::DESCRIPTORS).with(GeoServer::new(Guarded));
    let name = async |Extension(caller): Extension<Caller>| match caller {
        Caller::User(user) => user.uuid.to_string(),
        Caller::Service(name) => name,
    };
    let router = Router::new().route("/", get(name)).layer(middleware::from_fn_with_state(guard.clone(), Guard::http));
    let ((grpc, over_grpc), (http, over_http)) = (testkit::serve(guard, services).await, over_http(router).await);
    Fixture { iam, grpc, http, _servers: [over_grpc, over_http] }
}

impl Fixture {
    async fn over_grpc(&self, headers: &[(&'static str, &str)]) -> Result<(i32, i32), Status> {
        let channel = Endpoint::from_shared(format!("http://{}", self.grpc)).expect("a URL").connect_lazy();
        let mut request = Request::new(GetGeolocationRequest::default());
        for (name, value) in headers {
            request.metadata_mut().append(*name, value.parse().expect("it is ASCII"));
        }
        let location =
            GeoClient::new(channel).get_geolocation(request).await?.into_inner().location.expect("a location");
        Ok((location.x, location.y))
    }

    /// Returns the status and the body, or the code of the problem.
    async fn over_http(&self, headers: &[(&'static str, &str)]) -> (u16, String) {
        let client = http::client(Duration::from_secs(5)).expect("a client");
        let mut request = client.get(format!("http://{}/", self.http));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the server responds");
        let status = response.status().as_u16();
        let text = response.text().await.expect("it is text");
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(problem) => (status, problem["code"].as_str().expect("every problem has it").to_owned()),
            Err(_) => (status, text),
        }
    }
}

#[tokio::test]
async fn an_access_token_is_taken_wherever_a_session_is() {
    let shop = fixture().await;
    let bearer = format!("Bearer {}", shop.iam.token(USER));
    assert_eq!(shop.over_http(&[("authorization", &bearer)]).await, (200, USER.to_string()));
    let over_grpc = shop.over_grpc(&[("authorization", &bearer)]).await.unwrap();
    assert_eq!(over_grpc, (1, 0), "no session to forward");
    let session = shop.iam.session(USER);
    assert_eq!(shop.over_grpc(&[(SESSION_METADATA, &session)]).await.unwrap(), (1, 1));
    let service = format!("Bearer {}", key("order").token("geo").unwrap());
    assert_eq!(shop.over_http(&[("authorization", &service)]).await, (200, "order".to_owned()));
    assert_eq!(shop.over_grpc(&[("authorization", &service)]).await.unwrap(), (0, 0));
}

#[tokio::test]
async fn what_is_no_known_token_alone_in_its_header_is_refused() {
    let shop = fixture().await;
    let (token, session) = (shop.iam.token(USER), shop.iam.session(USER));
    let (known, unknown) = (format!("Bearer {token}"), format!("Bearer {AT_JWT}.e30.c2ln"));
    let (known, unknown, basic) = (known.as_str(), unknown.as_str(), format!("Basic {token}"));
    let cases = [
        (vec![unknown], None, "INVALID_SESSION", "invalid session"),
        (vec![known], Some(session.as_str()), "INVALID_SESSION", "invalid session"),
        (vec![known], Some(""), "INVALID_SESSION", "invalid session"),
        (vec![], Some(token.as_str()), "INVALID_SESSION", "invalid session"),
        (vec![], None, "MISSING_SESSION", "missing session-uuid in metadata"),
        (vec![known, known], None, "INVALID_SESSION", "invalid token"),
        (vec!["Bearer no token"], None, "INVALID_SESSION", "invalid token"),
        (vec![basic.as_str()], None, "INVALID_SESSION", "invalid token"),
    ];

    for (tokens, session, code, message) in &cases {
        let headers = |name| {
            let tokens = tokens.iter().map(|token| ("authorization", *token));
            tokens.chain(session.map(|session| (name, session))).collect::<Vec<_>>()
        };
        let over_http = shop.over_http(&headers(SESSION_HEADER)).await;
        assert_eq!(over_http, (401, (*code).to_owned()), "{tokens:?} {session:?}");
        let refused = shop.over_grpc(&headers(SESSION_METADATA)).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, *message), "{tokens:?} {session:?}");
    }
}
