//! Tests of which clients a listener admits, and what the log says about the others.

use std::{net::SocketAddr, time::SystemTime};

use certificates::{Pair, Subject};
use platform::tls::{Acceptor, Clients, Identity};
use rustls::ClientConfig;
use testkit::MemoryLog;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tracing::Level;

use super::fixture::{DAY, Files, authority, connect, pair};
use crate::serving::bind;

/// Performs one handshake. Returns the identity that the listener sees, and the client's address.
async fn shake(files: &Files, clients: Clients, client: ClientConfig) -> (Option<Identity>, SocketAddr) {
    let (listener, address) = bind().await;
    let acceptor = Acceptor::new(files.load(), clients);
    let server = async {
        let (stream, peer) = listener.accept().await.expect("a connection");
        let accepted = acceptor.accept(stream, peer).await;
        (accepted.map(|admitted| admitted.identity), peer)
    };
    let client = async {
        // Over TLS 1.3 a client notices the refusal only when it reads.
        if let Ok(mut stream) = connect(client, address).await {
            let _ = stream.read(&mut [0]).await;
        }
    };
    tokio::join!(server, client).0
}

#[tokio::test]
async fn whoever_has_no_certificate_of_a_member_is_refused_and_named_in_the_log() {
    let files = Files::new("payment");
    let order = Subject::service("order");
    let with_uri = |uri: &str| Subject { uri: Some(uri.to_owned()), ..order.clone() };
    let expired = files.authority.sign(&order, SystemTime::now() - 2 * DAY, DAY).unwrap();
    let cases: [(&str, Option<Pair>, &str); 6] = [
        ("no certificate", None, "peer sent no certificates"),
        ("another authority's", Some(pair(&authority(), &order)), "UnknownIssuer"),
        ("expired", Some(expired), "expired"),
        ("another domain", Some(pair(&files.authority, &with_uri("spiffe://elsewhere/order"))), "spiffe://elsewhere"),
        ("no name", Some(pair(&files.authority, &with_uri("spiffe://shipyard/a/b"))), "one like spiffe://shipyard/"),
        ("a store", Some(pair(&files.authority, &Subject::store("redis"))), "extended key usage"),
    ];
    for (case, pair, reason) in cases {
        let (log, _guard) = MemoryLog::capture(Level::INFO);

        let (identity, peer) = shake(&files, Clients::Certified, files.client(pair.as_ref())).await;

        assert_eq!(identity, None, "{case}");
        let log = log.text();
        assert!(log.contains("TLS handshake failed") && log.contains(&peer.to_string()), "{case}: {log}");
        assert!(log.contains(reason), "{case}: {log}");
    }
}

#[tokio::test]
async fn plain_text_is_refused_and_named_in_the_log() {
    let files = Files::new("payment");
    let (log, _guard) = MemoryLog::capture(Level::INFO);
    let (listener, address) = bind().await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();

    let accepted = Acceptor::new(files.load(), Clients::Anyone).accept(stream, peer).await;

    assert!(accepted.is_none());
    assert!(log.text().contains(&peer.to_string()), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_given_up() {
    let files = Files::new("payment");
    let (log, _guard) = MemoryLog::capture(Level::INFO);
    let (listener, address) = bind().await;
    let _client = TcpStream::connect(address).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();

    let accepted = Acceptor::new(files.load(), Clients::Certified).accept(stream, peer).await;

    assert!(accepted.is_none());
    assert!(log.text().contains("timed out"), "{}", log.text());
}
