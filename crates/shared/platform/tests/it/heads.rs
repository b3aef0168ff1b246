//! Tests of heads without a valid host, and with headers that contradict each other.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use platform::{
    auth::{Access, Guard, MemorySessions},
    http::{self, BODY_LIMIT},
};
use testkit::Running;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use uuid::Uuid;

use crate::serving::{guard, over_http};

const TEST_TIMEOUT: Duration = Duration::from_secs(20);
const SESSION: &str = "X-Session-Uuid: session\r\n";

/// Starts a server whose `POST /` needs a session, and whose `GET /public` does not.
async fn serve() -> (SocketAddr, Running) {
    let sessions = MemorySessions::default();
    sessions.open("session", Uuid::from_u128(1));
    let guard = guard(sessions).otherwise(Access::Session(&[]));
    let guarded = post(async |body: Bytes| body.len().to_string())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(guard, Guard::http));
    let router = Router::new().route("/", guarded).route("/public", get(async || "here"));
    over_http(http::layers(router)).await
}

async fn open(address: SocketAddr, sent: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.expect("the listener accepts");
    connection.write_all(sent.as_bytes()).await.expect("the server reads");
    connection
}

/// Returns what the server sends until `end`, or until it closes the connection.
async fn read_until(connection: &mut TcpStream, end: &str) -> String {
    let mut response = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&response).contains(end) {
            if connection.read_buf(&mut response).await.unwrap_or(0) == 0 {
                break;
            }
        }
    };
    let _ = timeout(TEST_TIMEOUT, reading).await;
    String::from_utf8_lossy(&response).into_owned()
}

#[tokio::test]
async fn a_request_without_one_valid_host_is_answered_400() {
    let (address, _server) = serve().await;
    let get = async |rest: &str| {
        let mut connection = open(address, &format!("GET /public {rest}Connection: close\r\n\r\n")).await;
        read_until(&mut connection, "\0").await
    };

    for wrong in ["", "a\r\nHost: a", "a b", "user@a", "a:b", "a:99999", "a/b"] {
        let wrong = if wrong.is_empty() { String::new() } else { format!("Host: {wrong}\r\n") };
        let response = get(&format!("HTTP/1.1\r\n{wrong}")).await;

        assert!(response.starts_with("HTTP/1.1 400 "), "{wrong}: {response}");
        for part in ["application/problem+json", r#""code":"INVALID_REQUEST""#, r#""field":"Host""#] {
            assert!(response.contains(part), "{wrong}: {response}");
        }
    }
    for right in ["HTTP/1.1\r\nHost:\r\n", "HTTP/1.1\r\nHost: [::1]:80\r\n", "HTTP/1.0\r\n"] {
        let response = get(right).await;
        assert!(response.contains(" 200 OK"), "{right}: {response}");
    }
}

#[tokio::test]
async fn one_of_several_sessions_or_tokens_is_not_chosen() {
    let (address, _server) = serve().await;
    let token = "Authorization: Bearer x\r\n";
    for headers in [[SESSION, SESSION], [token, token]] {
        let headers = headers.concat();
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 2\r\n\r\n{{}}");
        let mut connection = open(address, &head).await;

        let response = read_until(&mut connection, "\r\n").await;
        assert!(response.starts_with("HTTP/1.1 401 Unauthorized"), "{headers}: {response}");
    }
}

/// hyper ignores the length. A gateway that used it would take the next request for a part of the body, or the reverse.
#[tokio::test]
async fn a_length_beside_chunks_is_ignored_and_ends_the_connection() {
    let (address, _server) = serve().await;
    let (length, chunked) = ("Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n");
    for headers in [[length, chunked], [chunked, length]] {
        let headers = headers.concat();
        let first = format!("POST / HTTP/1.1\r\nHost: x\r\n{SESSION}{headers}\r\n2\r\n{{}}\r\n0\r\n\r\n");
        let mut connection = open(address, &format!("{first}GET /public HTTP/1.1\r\nHost: x\r\n\r\n")).await;

        let responses = read_until(&mut connection, "\0").await;
        assert!(responses.starts_with("HTTP/1.1 200 OK"), "{headers}: {responses}");
        assert_eq!(responses.matches("HTTP/1.1 ").count(), 1, "{headers}: {responses}");
    }
}
