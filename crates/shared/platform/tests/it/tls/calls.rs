//! Tests of calls between services over TLS: who the caller is, and what happens while certificates are replaced.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, SystemTime},
};

use certificates::Subject;
use contracts::proto::geo::{
    GetGeolocationReply, GetGeolocationRequest,
    geo_client::GeoClient,
    geo_server::{Geo, GeoServer},
};
use platform::{
    auth::{Access, MemorySessions, SESSION_METADATA},
    grpc::{Peer, Services, caller},
    listener::Listener,
    server::readiness::Readiness,
    tls::{Acceptor, Clients, Tls},
};
use testkit::Running;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use super::fixture::{DAY, Files, pair};
use crate::serving::{bind, guard, key};

const USER: Uuid = Uuid::from_u128(1);
/// An access token of the user. Its header is `{"typ":"at+jwt","alg":"ES256"}`.
const TOKEN: &str = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.e30.c2ln";

/// A server whose responses contain the caller's identity.
struct Mirror;

#[tonic::async_trait]
impl Geo for Mirror {
    async fn get_geolocation(
        &self,
        request: Request<GetGeolocationRequest>,
    ) -> Result<Response<GetGeolocationReply>, Status> {
        let caller = format!("{:?}", caller(&request)?);
        let mut response = Response::new(GetGeolocationReply::default());
        response.metadata_mut().insert("caller", caller.parse().expect("it is ASCII"));
        Ok(response)
    }
}

async fn serve(tls: &Tls) -> (SocketAddr, Running) {
    serve_to(Access::Session(&["order"]), tls).await
}

/// Starts the service geo over TLS, with methods that admit these callers.
async fn serve_to(access: Access, tls: &Tls) -> (SocketAddr, Running) {
    let (listener, address) = bind().await;
    let listener = Listener::from(listener).with_tls(Acceptor::new(tls.clone(), Clients::Certified));
    let sessions = MemorySessions::default();
    sessions.open("a session", USER);
    sessions.add_token(TOKEN, USER);
    let guard = guard(sessions).otherwise(access).for_users(&["console", "operations"]);
    let services = Services::new(contracts::proto::DESCRIPTORS).with(GeoServer::new(Mirror));
    (address, testkit::run(|stop| services.serve(listener, guard, Readiness::default(), stop)))
}

fn peer(tls: &Tls, address: SocketAddr) -> Peer {
    Peer::over(Some(tls), "geo", "GEO_ADDRESS", &format!("localhost:{}", address.port())).expect("an address")
}

/// Returns the caller's identity as the server sees it.
async fn ask(peer: Peer, metadata: Option<(&'static str, &str)>) -> Result<String, Status> {
    let mut request = Request::new(GetGeolocationRequest::default());
    if let Some((name, value)) = metadata {
        request.metadata_mut().insert(name, value.parse().expect("it is ASCII"));
    }
    let response = GeoClient::new(peer).get_geolocation(request).await?;
    Ok(response.metadata().get("caller").expect("every response has it").to_str().expect("it is ASCII").to_owned())
}

/// The credentials that a caller sends in addition to its certificate.
#[derive(Clone, Copy, Debug)]
enum Sends {
    Nothing,
    Session(&'static str),
    /// [`TOKEN`], followed by this text.
    AccessToken(&'static str),
    /// A token that names this service.
    ServiceToken(&'static str),
}

/// Calls the server with the certificate of the service `name`.
async fn ask_as(files: &Files, address: SocketAddr, name: &str, sends: Sends) -> Result<String, Code> {
    let peer = peer(&files.beside(&Subject::service(name)), address);
    let response = match sends {
        Sends::Nothing => ask(peer, None).await,
        Sends::Session(id) => ask(peer, Some((SESSION_METADATA, id))).await,
        Sends::AccessToken(rest) => ask(peer, Some(("authorization", &format!("Bearer {TOKEN}{rest}")))).await,
        Sends::ServiceToken(named) => ask(peer.identified(key(named)), None).await,
    };
    response.map_err(|status| status.code())
}

#[tokio::test]
async fn the_certificate_is_the_caller_and_only_gateway_console_and_operations_call_as_users() {
    use Sends::{AccessToken, Nothing, ServiceToken, Session};

    let (user, a_session) = (USER.to_string(), Session("a session"));
    let (is_user, order, console) = (Ok(&*user), Ok(r#"Service("order")"#), Ok(r#"Service("console")"#));
    let (unauthenticated, denied) = (Err(Code::Unauthenticated), Err(Code::PermissionDenied));
    // The guard admits the call. The method then fails, since it needs a caller, and the guard has identified none.
    let no_caller = Err(Code::Internal);
    let for_users = [
        ("console", a_session, is_user),
        ("console", Session("an ended session"), unauthenticated),
        ("console", AccessToken(""), is_user),
        ("console", AccessToken("x"), unauthenticated),
        ("console", Nothing, denied),
        ("operations", a_session, is_user),
        ("operations", Nothing, denied),
        ("gateway", a_session, is_user),
        ("gateway", Nothing, unauthenticated),
        ("gateway", ServiceToken("geo"), unauthenticated),
        ("order", Nothing, order),
        ("order", a_session, order),
        ("order", AccessToken(""), order),
        ("order", ServiceToken("order"), order),
        ("order", ServiceToken("geo"), unauthenticated),
    ];
    let public =
        [("console", a_session, console), ("gateway", a_session, no_caller), ("operator", a_session, no_caller)];
    let for_the_gateway = [
        ("gateway", Nothing, no_caller),
        ("order", a_session, denied),
        ("geo", a_session, denied),
        ("operator", a_session, denied),
    ];

    let files = Files::new("geo");
    for (access, cases) in [
        (Access::Session(&["order"]), &for_users[..]),
        (Access::Public, &public[..]),
        (Access::Gateway, &for_the_gateway[..]),
    ] {
        let (address, _server) = serve_to(access, &files.load()).await;
        for (name, sends, expected) in cases {
            let response = ask_as(&files, address, name, *sends).await;
            let is_expected = match (&response, expected) {
                (Ok(caller), Ok(part)) => caller.contains(part),
                (response, expected) => response.as_ref().err() == expected.as_ref().err(),
            };
            assert!(is_expected, "{name} sends {sends:?}: {response:?}, not {expected:?}");
        }
    }
}

#[tokio::test]
async fn a_server_with_a_wrong_certificate_gets_no_call() {
    let (files, others) = (Files::new("geo"), Files::new("geo"));
    let order = files.beside(&Subject::service("order"));
    let elsewhere = Subject { hosts: vec!["elsewhere".to_owned()], ..Subject::service("geo") };
    let another = files.beside(&Subject::service("console"));
    for (tls, reason) in [
        (others.load(), "UnknownIssuer"),
        (files.beside(&elsewhere), "not valid for name"),
        (another.clone(), "is that of console, and not of geo"),
    ] {
        let (address, _server) = serve(&tls).await;

        let refused = ask(peer(&order, address), None).await.unwrap_err();

        assert_eq!(refused.code(), Code::Unavailable);
        assert!(refused.message().contains(reason), "{refused}");
    }
    // A program outside this system has a certificate without our URI.
    let (address, _server) = serve(&another).await;
    let outside = Peer::outside(Some(&order), "geo", "GEO_ADDRESS", &format!("localhost:{}", address.port())).unwrap();
    assert_eq!(ask(outside, None).await.unwrap(), r#"Service("order")"#);
}

#[tokio::test]
async fn an_address_that_says_another_scheme_is_refused_by_its_variable() {
    let files = Files::new("geo");
    let tls = files.load();
    for (tls, address) in [(Some(&tls), "http://localhost:1"), (None, "https://localhost:1")] {
        let error = Peer::over(tls, "geo", "GEO_ADDRESS", address).err().unwrap();
        assert_eq!(error.variable, "GEO_ADDRESS", "{error}");
    }
}

#[tokio::test]
async fn certificates_and_authority_are_replaced_under_load_without_a_failed_call() {
    const WATCH_INTERVAL: Duration = Duration::from_millis(20);
    let (geo, order) = (Files::new("geo"), Files::new("order"));
    // Both services trust both authorities; their certificates are of the first.
    let [first, second] = [&geo.authority, &order.authority];
    let both = format!("{}{}", first.certificate(), second.certificate());
    geo.write(super::fixture::CA, &both);
    order.write(super::fixture::CA, &both);
    order.put(&pair(first, &Subject::service("order")));
    let (server, client) = (geo.load(), order.load());
    let _watches = [&server, &client].map(|tls| testkit::run(|stop| tls.clone().watch(WATCH_INTERVAL, stop)));
    let (address, _server) = serve(&server).await;
    let (calls, failures, done) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    let load = async {
        let lasting = peer(&client, address);
        while !done.load(Ordering::Relaxed) || calls.load(Ordering::Relaxed) < 50 {
            for peer in [lasting.clone(), peer(&client, address)] {
                calls.fetch_add(1, Ordering::Relaxed);
                if let Err(status) = ask(peer, None).await {
                    println!("{status}");
                    failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    let replace = async {
        for authority in [first, second, first, second] {
            for (files, name) in [(&geo, "geo"), (&order, "order")] {
                let new = authority.issue(&Subject::service(name), SystemTime::now(), DAY).expect("a certificate");
                files.put(&new);
                tokio::time::sleep(5 * WATCH_INTERVAL).await;
            }
        }
        done.store(true, Ordering::Relaxed);
    };

    tokio::join!(load, replace);

    println!("{calls:?} calls while 8 certificates were replaced");
    assert_eq!(failures.into_inner(), 0);
}
