//! Tests of what clients see while a server shuts down.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use platform::{http, server::readiness::Readiness};
use reqwest::{Version, header::CONNECTION};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::serving::bind;

const DRAIN: Duration = Duration::from_millis(500);

async fn start(stop: &CancellationToken) -> SocketAddr {
    let (listener, address) = bind().await;
    let router = Router::new().route("/", get(async || "here"));
    tokio::spawn(http::serve(listener, router, Readiness::new(DRAIN), stop.clone()));
    address
}

#[tokio::test]
async fn a_client_that_keeps_its_connection_is_told_to_leave_before_the_server_stops() {
    let stop = CancellationToken::new();
    let url = format!("http://{}/", start(&stop).await);
    let mut clients = JoinSet::new();
    for _ in 0..50 {
        let (client, url) = (http::client(Duration::from_secs(5)).unwrap(), url.clone());
        clients.spawn(async move {
            loop {
                let response = client.get(&url).send().await?;
                let is_last = response.headers().get(CONNECTION).is_some_and(|value| value == "close");
                assert_eq!((response.version(), response.text().await?.as_str()), (Version::HTTP_11, "here"));
                if is_last {
                    return reqwest::Result::Ok(());
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(clients.try_join_next().is_none(), "a client was told to leave a server that goes on");

    stop.cancel();

    let lost = clients.join_all().await.into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(lost.is_empty(), "{} of 50 requests were lost: {:?}", lost.len(), lost[0]);
}
