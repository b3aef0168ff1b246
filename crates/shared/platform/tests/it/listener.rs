//! Tests that a listener withstands connections of unknown clients, and serves others meanwhile.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    frames::{self, Frame},
    serving::over_http,
};

fn here() -> Router {
    Router::new().route("/", get(async || "here"))
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("the listener accepts")
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_nothing_or_half_a_head_is_closed() {
    for sent in ["", "GET /", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost: somewhere.example\r\nX-Slow: y"] {
        let (address, _server) = over_http(here()).await;
        let mut connection = connect(address).await;
        let begun = Instant::now();
        connection.write_all(sent.as_bytes()).await.unwrap();

        let mut rest = Vec::new();
        let ended = timeout(Duration::from_mins(2), connection.read_to_end(&mut rest)).await;

        println!("{sent:?} ended: {} after {:?}", ended.is_ok(), begun.elapsed());
        assert!(ended.is_ok() && begun.elapsed() < Duration::from_secs(25), "{sent:?} after {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn headers_of_more_than_sixteen_kilobytes_are_refused() {
    let (address, _server) = over_http(here()).await;
    let ask = async |bytes: usize| {
        let mut connection = connect(address).await;
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: {}\r\n\r\n", "y".repeat(bytes));
        // The server may respond before it has read the complete request.
        let _ = connection.write_all(head.as_bytes()).await;
        let mut response = vec![0; 12];
        let read = connection.read_exact(&mut response).await;
        read.map(|_| String::from_utf8_lossy(&response[9..]).into_owned()).unwrap_or_default()
    };

    assert_eq!(ask(8 * 1024).await, "200");
    let refused = ask(64 * 1024).await;
    assert!(["431", ""].contains(&refused.as_str()), "{refused}");
}

#[tokio::test]
async fn an_http2_connection_carries_at_most_256_requests_at_once() {
    let (address, _server) = over_http(here()).await;
    let mut connection = connect(address).await;
    connection.write_all(&frames::start()).await.unwrap();

    let Frame { kind, payload, .. } = frames::read(&mut connection).await.unwrap();

    assert_eq!(kind, frames::SETTINGS);
    let settings = frames::settings(&payload);
    assert_eq!(settings.get(&frames::MAX_CONCURRENT_STREAMS), Some(&256), "{settings:?}");
    assert_eq!(settings.get(&frames::MAX_HEADER_LIST_SIZE), Some(&(16 * 1024)), "{settings:?}");
}

#[tokio::test]
async fn requests_that_are_reset_as_soon_as_they_are_sent_end_their_connection() {
    let begun = Arc::new(AtomicUsize::new(0));
    let handler = {
        let begun = begun.clone();
        async move || {
            begun.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
    };
    let (address, _server) = over_http(Router::new().route("/", get(handler))).await;
    let mut connection = connect(address).await;
    let mut flood = frames::start();
    for number in 0..10_000 {
        flood.extend(frames::reset_request(2 * number + 1));
    }
    let _ = connection.write_all(&flood).await;

    let gone = timeout(Duration::from_secs(10), async {
        while let Ok(frame) = frames::read(&mut connection).await {
            if frame.kind == frames::GOAWAY {
                return frames::error_code(&frame.payload);
            }
        }
        None
    });

    let gone = gone.await;
    println!("the connection ended with {gone:?}, {} of 10000 requests begun", begun.load(Ordering::Relaxed));
    assert!(gone.is_ok(), "the connection goes on");
    assert!(gone.unwrap().is_none_or(|code| code == frames::ENHANCE_YOUR_CALM));
    assert!(begun.load(Ordering::Relaxed) < 1000, "{begun:?} requests were begun");
}

#[tokio::test]
async fn requests_that_are_given_up_together_leave_the_others_of_their_connection() {
    let router = Router::new().route("/", get(async || tokio::time::sleep(Duration::from_millis(200)).await));
    let (address, _server) = over_http(router).await;
    let mut connection = connect(address).await;
    // A gateway's connection carries the request of one customer, then the maximum number of requests of another, which
    // are reset at once.
    connection.write_all(&[frames::start(), frames::request(1)].concat()).await.unwrap();
    let given_up: Vec<u8> = (1..256).flat_map(|number| frames::reset_request(2 * number + 1)).collect();
    connection.write_all(&given_up).await.unwrap();
    connection.write_all(&frames::request(513)).await.unwrap();

    let mut answered = Vec::new();
    let all = timeout(Duration::from_secs(10), async {
        while answered.len() < 2 {
            let Ok(frame) = frames::read(&mut connection).await else { break };
            if frame.kind == frames::GOAWAY {
                return frames::error_code(&frame.payload);
            }
            if frame.kind == frames::HEADERS {
                answered.push(frame.stream);
            }
        }
        None
    });

    assert_eq!(all.await, Ok(None), "the connection ended");
    answered.sort_unstable();
    assert_eq!(answered, [1, 513]);
}
