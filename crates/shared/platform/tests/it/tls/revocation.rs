//! Tests of revoked certificates: their callers are refused, and other callers are not affected.

use std::{cell::Cell, time::Duration};

use tonic::Code;

use super::{
    calls::{ask, peer, serve},
    fixture::Files,
};

#[tokio::test]
async fn a_certificate_that_is_revoked_ends_its_connections_and_others_lose_no_call() {
    const WATCH_INTERVAL: Duration = Duration::from_millis(20);
    let files = Files::new("geo");
    files.revoke(&[]);
    let server = files.load();
    let _watch = testkit::run(|stop| server.clone().watch(WATCH_INTERVAL, stop));
    let (address, _server) = serve(&server).await;
    let stolen = files.of_same("order");
    let [order, thief] = [files.of_same("order").load(), stolen.load()].map(|tls| peer(&tls, address));
    assert!(ask(order.clone(), None).await.is_ok() && ask(thief.clone(), None).await.is_ok());

    files.revoke(&[&stolen.pair]);

    let others = Cell::new(0);
    testkit::eventually(async || {
        assert!(ask(order.clone(), None).await.is_ok());
        others.set(others.get() + 1);
        ask(thief.clone(), None).await.err().map(|status| assert_eq!(status.code(), Code::Unavailable, "{status}"))
    })
    .await;
    for _ in 0..50 {
        assert!(ask(order.clone(), None).await.is_ok());
    }
    println!("{} other calls until the thief was refused", others.get());
}

#[tokio::test]
async fn a_server_whose_certificate_is_revoked_gets_no_call() {
    let files = Files::new("geo");
    let (address, _server) = serve(&files.load()).await;
    let order = files.of_same("order");
    order.revoke(&[]);
    assert!(ask(peer(&order.load(), address), None).await.is_ok());

    order.revoke(&[&files.pair]);

    assert_eq!(ask(peer(&order.load(), address), None).await.unwrap_err().code(), Code::Unavailable);
}
