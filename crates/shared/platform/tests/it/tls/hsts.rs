//! Tests that an answer over HTTPS tells browsers to keep to HTTPS.

use axum::{Router, routing::get};
use platform::{
    http,
    listener::Listener,
    server::readiness::Readiness,
    tls::{Acceptor, Clients},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::fixture::{Files, connect};
use crate::serving::bind;

#[tokio::test]
async fn an_answer_over_tls_demands_https_for_a_year() {
    let files = Files::new("geo");
    let (listener, address) = bind().await;
    let listener = Listener::from(listener).with_tls(Acceptor::new(files.load(), Clients::Anyone));
    let router = http::layers(Router::new().route("/", get(async || "yes")).fallback(http::not_found));
    let _server = testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop));

    for (path, status) in [("/", "200"), ("/elsewhere", "404")] {
        let mut stream = connect(files.client(None), address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;

        assert_eq!(answer.get(9..12), Some(status), "{answer}");
        assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000; includeSubDomains\r\n"), "{answer}");
    }
}
