//! Tests that a server withstands requests of unknown clients and of a single user, and serves others meanwhile.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, routing::post};
use contracts::proto::geo::{
    GetGeolocationReply, GetGeolocationRequest,
    geo_client::GeoClient,
    geo_server::{Geo, GeoServer},
};
use futures::future::join_all;
use platform::{
    auth::{Access, Guard, MemorySessions, SESSION_HEADER, SESSION_METADATA},
    grpc::{Peer, Services},
    http,
    listener::{Limits, Listener},
    server::readiness::Readiness,
    slots::{RequestLimits, Slots, UserSlots},
};
use testkit::{Running, eventually};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use crate::{
    frames,
    serving::{bind, over_http},
};

const SESSIONS: [&str; 2] = ["first", "second"];
const SLOW_REQUEST: Duration = Duration::from_millis(500);

fn guard(access: Access) -> Guard {
    let sessions = MemorySessions::default();
    for (number, session) in (1..).zip(SESSIONS) {
        sessions.open(session, Uuid::from_u128(number));
    }
    crate::serving::guard(sessions).otherwise(access)
}

/// Starts a server with eight slots. `POST /` responds with the length of the body after [`SLOW_REQUEST`].
async fn with_slots() -> (SocketAddr, Running) {
    let length = async |body: Bytes| {
        sleep(SLOW_REQUEST).await;
        body.len().to_string()
    };
    let inbound = RequestLimits::new(guard(Access::Session(&[])), Slots::new(8), UserSlots::quarter_of(8));
    over_http(http::layers(inbound.to(Router::new().route("/", post(length)), http::BODY_LIMIT))).await
}

async fn post_to(address: SocketAddr, session: &str) -> (u16, bool) {
    let client = http::client(Duration::from_secs(20)).expect("a client");
    let request = client.post(format!("http://{address}/")).header(SESSION_HEADER, session).body("whole");
    let response = request.send().await.expect("a response");
    (response.status().as_u16(), response.headers().contains_key("retry-after"))
}

async fn half_sent(address: SocketAddr) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.expect("the listener accepts");
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\n{SESSION_HEADER}: first\r\nContent-Length: 10\r\n\r\nhalf");
    connection.write_all(head.as_bytes()).await.expect("the server reads");
    connection
}

#[tokio::test]
async fn half_sent_bodies_of_one_session_take_no_place_of_anyone() {
    let (address, _server) = with_slots().await;
    let mut waiting = Vec::new();
    for _ in 0..600 {
        waiting.push(half_sent(address).await);
    }
    sleep(Duration::from_millis(200)).await;

    let mut responses = Vec::new();
    for session in ["second", "first", "second"] {
        responses.push(post_to(address, session).await.0);
    }

    println!("with 600 half-sent bodies others are answered {responses:?}");
    assert_eq!(responses, [200; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_answered_408() {
    let (address, _server) = with_slots().await;
    let (mut connection, begun) = (half_sent(address).await, Instant::now());

    let mut response = String::new();
    let ended = timeout(Duration::from_mins(2), connection.read_to_string(&mut response)).await;

    assert!(ended.is_ok() && begun.elapsed() < Duration::from_secs(25), "{response} after {:?}", begun.elapsed());
    assert!(response.starts_with("HTTP/1.1 408 Request Timeout"), "{response}");
    assert!(response.contains("application/problem+json"), "{response}");
    assert!(response.contains(r#""code":"REQUEST_TIMEOUT""#), "{response}");
}

#[tokio::test]
async fn a_user_has_a_quarter_of_the_places_and_another_is_served() {
    let (address, _server) = with_slots().await;

    let (first, second) = tokio::join!(join_all((0..6).map(|_| post_to(address, "first"))), async {
        sleep(SLOW_REQUEST / 4).await;
        post_to(address, "second").await
    });

    let count = |expected| first.iter().filter(|response| **response == expected).count();
    assert_eq!((count((200, false)), count((429, true))), (2, 4), "{first:?}");
    assert_eq!(second, (200, false));
    assert_eq!(post_to(address, "first").await, (200, false), "its places are not free again");
}

struct Slow;

#[tonic::async_trait]
impl Geo for Slow {
    async fn get_geolocation(
        &self,
        _: Request<GetGeolocationRequest>,
    ) -> Result<Response<GetGeolocationReply>, Status> {
        sleep(SLOW_REQUEST).await;
        Ok(Response::new(GetGeolocationReply::default()))
    }
}

async fn over_grpc(access: Access) -> (SocketAddr, Running) {
    let (listener, address) = bind().await;
    let listener = Listener::from(listener).with_limits(Limits { grpc_max_in_flight: 8, ..Limits::default() });
    let services = Services::new(contracts::proto::DESCRIPTORS).with(GeoServer::new(Slow));
    (address, testkit::run(|stop| services.serve(listener, guard(access), Readiness::default(), stop)))
}

async fn ask(address: SocketAddr, session: &str, street: usize) -> Code {
    let peer = Peer::lazy("geo", "TEST_ADDRESS", &address.to_string()).expect("an address");
    let mut request = Request::new(GetGeolocationRequest { street: "x".repeat(street) });
    request.metadata_mut().insert(SESSION_METADATA, session.parse().expect("a session"));
    GeoClient::new(peer).get_geolocation(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn a_message_of_more_than_256_kib_is_refused() {
    let (address, _server) = over_grpc(Access::Public).await;

    assert_eq!(ask(address, "first", 200 << 10).await, Code::Ok);
    assert_eq!(ask(address, "first", 257 << 10).await, Code::ResourceExhausted);
    assert_eq!(ask(address, "first", 8 << 20).await, Code::ResourceExhausted);
}

#[tokio::test]
async fn calls_in_flight_are_bounded_in_all_and_for_one_user() {
    let (open, _server) = over_grpc(Access::Public).await;
    let (guarded, _server) = over_grpc(Access::Session(&[])).await;
    let count = |codes: &[Code]| codes.iter().filter(|code| **code == Code::ResourceExhausted).count();

    // Clients retry such a call at most twice, within a few milliseconds.
    let all = join_all((0..20).map(|_| ask(open, "first", 1))).await;
    let (first, second) = tokio::join!(join_all((0..6).map(|_| ask(guarded, "first", 1))), async {
        sleep(SLOW_REQUEST / 4).await;
        ask(guarded, "second", 1).await
    });

    println!("{} of 20 calls and {} of 6 of one user were refused", count(&all), count(&first));
    assert!((10..=12).contains(&count(&all)), "{all:?}");
    assert!((3..=4).contains(&count(&first)), "{first:?}");
    assert_eq!(second, Code::Ok);
}

#[tokio::test]
async fn large_messages_that_are_handled_are_bounded_in_bytes_and_small_ones_are_served() {
    let services = Services::new(contracts::proto::DESCRIPTORS).with(GeoServer::new(Slow));
    let (address, _server) = testkit::serve(guard(Access::Public), services).await;

    let (large, small) = tokio::join!(join_all((0..60).map(|_| ask(address, "first", 250 << 10))), async {
        sleep(SLOW_REQUEST / 2).await;
        join_all((0..60).map(|_| ask(address, "first", 100))).await
    });

    let refused = large.iter().filter(|code| **code == Code::ResourceExhausted).count();
    assert!((1..=28).contains(&refused), "8 MiB are handled at once: {large:?}");
    assert_eq!(small, [Code::Ok; 60]);
}

#[tokio::test]
async fn bodies_that_are_too_long_and_not_read_yet_are_bounded_in_bytes_and_small_ones_are_handled() {
    let (waiting, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let go_on = CancellationToken::new();
    // The endpoint waits without reading the body, as a guard does until the session has been looked up.
    let (entered, released) = (waiting.clone(), go_on.clone());
    let wait = move || {
        entered.fetch_add(1, Ordering::SeqCst);
        released.cancelled_owned()
    };
    let (address, _server) = over_http(http::layers(Router::new().route("/", post(wait)))).await;
    let client = http::client(Duration::from_secs(20)).expect("a client");
    let send = |size: usize| {
        let (request, refused) = (client.post(format!("http://{address}/")).body(vec![0_u8; size]), refused.clone());
        async move {
            let status = request.send().await.expect("a response").status().as_u16();
            refused.fetch_add(usize::from(status == 429), Ordering::SeqCst);
            status
        }
    };

    let mut requests = JoinSet::new();
    // Bodies that have arrived are limited, too: at most 8 MiB are kept at once.
    for group in 1..=4 {
        for _ in 0..50 {
            requests.spawn(send(http::BODY_LIMIT + 1));
        }
        eventually(async || {
            (refused.load(Ordering::SeqCst) + waiting.load(Ordering::SeqCst) == 50 * group).then_some(())
        })
        .await;
    }
    let long = waiting.load(Ordering::SeqCst);
    requests.spawn(send(100));
    eventually(async || (waiting.load(Ordering::SeqCst) > long).then_some(())).await;
    go_on.cancel();

    assert_eq!(long, 127, "8 MiB have room for so many");
    let statuses = requests.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), long + 1, "{statuses:?}");
    assert_eq!(send(http::BODY_LIMIT + 1).await, 200, "the room is not free again");
}

#[tokio::test]
async fn half_sent_calls_take_no_place() {
    let (address, _server) = over_grpc(Access::Public).await;
    let mut connection = TcpStream::connect(address).await.unwrap();
    let mut flood = frames::start();
    for number in 0..200 {
        let stream = 2 * number + 1;
        flood.extend(frames::call(stream, "/geo.Geo/GetGeolocation"));
        // The prefix of a message of ten bytes, and the first half of the message.
        flood.extend(frames::data(stream, &[0, 0, 0, 0, 10, 1, 2, 3, 4, 5]));
    }
    connection.write_all(&flood).await.unwrap();
    sleep(Duration::from_millis(200)).await;

    assert_eq!(ask(address, "first", 1).await, Code::Ok);
}

#[tokio::test]
async fn idle_watch_streams_are_bounded_and_cost_others_nothing() {
    let (address, _server) = over_grpc(Access::Public).await;
    let mut connections = Vec::new();
    for _ in 0..16 {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let mut flood = frames::start();
        for number in 0..256 {
            let stream = 2 * number + 1;
            flood.extend(frames::call(stream, "/grpc.health.v1.Health/Watch"));
            flood.extend(frames::body(stream, &[0, 0, 0, 0, 0]));
        }
        connection.write_all(&flood).await.unwrap();
        connections.push(connection);
    }
    sleep(Duration::from_millis(500)).await;

    let mut responses = Vec::new();
    for _ in 0..20 {
        responses.push(ask(address, "first", 1).await);
    }
    let mut open = 0;
    for connection in &mut connections {
        let mut messages = 0;
        while let Ok(Ok(frame)) = timeout(Duration::from_millis(50), frames::read(connection)).await {
            // An accepted watch sends the status of the service as data; a refused one sends none.
            messages += usize::from(frame.kind == frames::DATA);
        }
        open += messages;
    }

    println!("{open} of 4096 watches are open, calls are answered {responses:?}");
    assert_eq!(responses, [Code::Ok; 20]);
    assert!((1..=256).contains(&open), "{open} watches are open");
}
