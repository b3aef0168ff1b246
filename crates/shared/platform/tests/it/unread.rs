//! Tests of clients that do not read their responses.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use platform::http;
use testkit::{Running, eventually};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Mutex,
    time::{sleep, timeout},
};

use crate::{frames, serving::over_http};

const MIB: usize = 1 << 20;

async fn serve(size: usize) -> (SocketAddr, Running) {
    over_http(http::layers(Router::new().route("/", get(async move || vec![7; size])))).await
}

/// Returns true if the server has closed the connection. Reads what it has sent.
async fn is_closed(connection: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match timeout(Duration::from_millis(1), connection.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
}

#[tokio::test]
async fn unread_answers_take_bounded_memory_and_others_are_answered() {
    let (address, _server) = serve(MIB).await;
    let mut flood = Vec::new();
    for _ in 0..10 {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let requests = (0..4).map(|number| frames::request(2 * number + 1));
        let sent = [frames::start_without_window(), requests.collect::<Vec<_>>().concat()].concat();
        connection.write_all(&sent).await.unwrap();
        flood.push(connection);
    }

    let (client, url) = (http::client(Duration::from_secs(20)).unwrap(), format!("http://{address}/"));
    for _ in 0..5 {
        assert_eq!(client.get(&url).send().await.unwrap().bytes().await.unwrap().len(), MIB);
    }
    // Of the requested 40 MiB, 16 MiB are kept, so all responses of at least six connections were dropped.
    let flood = Mutex::new(flood);
    eventually(async || {
        let mut closed = 0;
        for connection in flood.lock().await.iter_mut() {
            closed += usize::from(is_closed(connection).await);
        }
        (closed >= 5).then_some(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_byte_for_ten_seconds_is_disconnected() {
    let (address, _server) = serve(32 * MIB).await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(30)).await;

    let mut response = Vec::new();
    let _ = timeout(Duration::from_mins(1), connection.read_to_end(&mut response)).await;

    assert!(response.len() < 32 * MIB, "the response was kept");
}
