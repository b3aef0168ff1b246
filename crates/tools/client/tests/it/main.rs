//! Tests of the client against servers over TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    routing::{get, post},
};
use certificates::{Directory, Plan, Subject};
use client::{customer, shop::Shop, trust::Trust};
use contracts::proto::auth::v1::WhoamiRequest;
use platform::{
    config::Settings,
    http,
    listener::Listener,
    server::readiness::Readiness,
    tls::{Acceptor, Clients, Config, Tls},
};
use tempfile::TempDir;
use testkit::Running;
use tokio::net::TcpListener;
use tonic::Code;

const DAY: Duration = Duration::from_hours(24);

fn files() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let plan = Plan { now, ca_lifetime: 30 * DAY, lifetime: 2 * DAY, store_lifetime: 2 * DAY, renew: false };
    Directory::open(directory.path(), plan).unwrap().ensure(&Subject::service("order"), None).unwrap();
    directory
}

/// Starts a listener with order's certificate. It reports readiness, and serves an iam without sessions.
async fn serve(files: &Path, clients: Clients) -> (SocketAddr, Running) {
    let [ca, certificate, key] = ["ca.crt", "tls.crt", "tls.key"].map(|name| files.join("order").join(name));
    let tls = Tls::load(Config { ca, certificate, key }).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let listener = Listener::from(socket).with_tls(Acceptor::new(tls, clients));
    let unauthenticated = [("content-type", "application/grpc"), ("grpc-status", "16")];
    let router = Router::new()
        .route("/health/ready", get(async || "ready"))
        .route("/auth.v1.AuthService/Whoami", post(async move || (unauthenticated, "")));
    (address, testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop)))
}

fn trust(variables: &[(&str, &Path)]) -> Trust {
    let variables = variables.iter().map(|(name, path)| (*name, path.display().to_string()));
    Trust::from_settings(&Settings::from_variables(variables)).unwrap()
}

/// Calls order and iam. Returns an error if order is not ready, and the code of iam's response.
async fn visit(trust: &Trust, address: &str) -> (anyhow::Result<()>, Code) {
    let shop = Shop::at(trust, address, address, address).unwrap();
    let whoami = shop.auth().whoami(WhoamiRequest::default()).await.unwrap_err();
    (customer::find(&shop).await.map(|_| ()), whoami.code())
}

#[tokio::test]
async fn a_shop_over_tls_is_reached_by_those_who_trust_its_authority() {
    let (files, others) = (files(), files());
    let (address, _server) = serve(files.path(), Clients::Anyone).await;
    let trust = trust(&[("TLS_CA_FILE", &files.path().join("ca.crt"))]);

    for place in [format!("https://localhost:{}", address.port()), address.to_string()] {
        let (order, iam) = visit(&trust, &place).await;
        assert!(order.is_ok() && iam == Code::Unauthenticated, "{place}: {order:?}, {iam:?}");
    }
    let (order, iam) =
        visit(&self::trust(&[("TLS_CA_FILE", &others.path().join("ca.crt"))]), &address.to_string()).await;
    let error = format!("{:#}", order.unwrap_err());
    assert!(error.contains("UnknownIssuer") && iam == Code::Unavailable, "{error}, {iam:?}");
    let (order, iam) = visit(&Trust::default(), &format!("http://{address}")).await;
    assert!(order.is_err() && iam != Code::Unauthenticated, "plain text gets a response: {iam:?}");
}

#[tokio::test]
async fn a_service_that_wants_a_certificate_of_its_callers_gets_the_tools_own() {
    let files = files();
    let (address, _server) = serve(files.path(), Clients::Certified).await;
    let [ca, certificate, key] = ["ca.crt", "order/tls.crt", "order/tls.key"].map(|name| files.path().join(name));
    let own = trust(&[("TLS_CA_FILE", &ca), ("TLS_CERT_FILE", &certificate), ("TLS_KEY_FILE", &key)]);

    assert_eq!(visit(&own, &address.to_string()).await.1, Code::Unauthenticated);
    assert_ne!(visit(&trust(&[("TLS_CA_FILE", &ca)]), &address.to_string()).await.1, Code::Unauthenticated);
}
