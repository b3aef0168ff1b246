//! Tests of clients that leave before they get a response: work that has begun runs to its end.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    routing::{any, get},
};
use futures::future::BoxFuture;
use platform::{auth::Access, grpc::Services, http, server::readiness::Readiness};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, server::NamedService};

use crate::{
    frames,
    serving::{bind, over_http},
};

const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Work that waits for a signal in its middle, and reports how it ended.
#[derive(Clone)]
struct Work {
    begun: mpsc::UnboundedSender<&'static str>,
    go_on: Arc<Notify>,
}

/// A guard that reports that work was dropped before its end.
struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

impl Work {
    fn new() -> (Self, mpsc::UnboundedReceiver<&'static str>) {
        let (begun, seen) = mpsc::unbounded_channel();
        (Self { begun, go_on: Arc::default() }, seen)
    }

    async fn run(self) {
        let dropped = Dropped(self.begun.clone());
        let _ = self.begun.send("begun");
        self.go_on.notified().await;
        let _ = self.begun.send("ended");
        std::mem::forget(dropped);
    }
}

async fn next(seen: &mut mpsc::UnboundedReceiver<&'static str>) -> &'static str {
    timeout(TEST_TIMEOUT, seen.recv()).await.ok().flatten().unwrap_or("nothing")
}

fn router(work: Work) -> Router {
    let read = work.clone();
    let run = any(move || work.clone().run());
    http::layers(Router::new().route("/", run).route("/read", get(move || read.clone().run())))
}

/// Sends a request, and resets the connection once its handler has begun.
async fn leave(address: SocketAddr, request: &[u8], seen: &mut mpsc::UnboundedReceiver<&'static str>) {
    let mut connection = TcpStream::connect(address).await.expect("the listener accepts");
    connection.write_all(request).await.expect("the server reads");
    assert_eq!(next(seen).await, "begun");
    connection.set_zero_linger().expect("an open connection");
}

#[tokio::test]
async fn a_change_ends_without_its_client_and_a_read_is_dropped() {
    let (work, mut seen) = Work::new();
    let (address, _server) = over_http(router(work.clone())).await;
    let head = |line: &str| format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").into_bytes();

    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        leave(address, &head(&format!("{method} /")), &mut seen).await;
        // The work must end, even if the server sees the end of the connection only later.
        sleep(Duration::from_millis(50)).await;
        work.go_on.notify_one();
        assert_eq!(next(&mut seen).await, "ended", "{method}");
    }
    leave(address, &head("GET /read"), &mut seen).await;
    assert_eq!(next(&mut seen).await, "dropped");
}

/// `nc -N` is such a client.
#[tokio::test]
async fn a_client_that_closes_its_side_after_its_request_is_answered() {
    let (work, mut seen) = Work::new();
    let (address, _server) = over_http(router(work.clone())).await;

    for line in ["GET /read", "POST /"] {
        let mut connection = TcpStream::connect(address).await.expect("the listener accepts");
        let request = format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        connection.write_all(request.as_bytes()).await.expect("the server reads");
        connection.shutdown().await.expect("an open connection");
        assert_eq!(next(&mut seen).await, "begun");
        sleep(Duration::from_millis(50)).await;
        work.go_on.notify_one();
        let mut response = String::new();
        let read = timeout(TEST_TIMEOUT, connection.read_to_string(&mut response)).await;

        assert!(read.is_ok_and(|read| read.is_ok()) && response.starts_with("HTTP/1.1 200"), "{line}: {response}");
        assert_eq!(next(&mut seen).await, "ended", "{line}");
    }
}

#[tokio::test]
async fn a_server_that_stops_waits_for_work_whose_client_has_left() {
    let (work, mut seen) = Work::new();
    let (listener, address) = bind().await;
    let stop = CancellationToken::new();
    let mut server = tokio::spawn(http::serve(listener, router(work.clone()), Readiness::default(), stop.clone()));
    leave(address, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", &mut seen).await;

    stop.cancel();
    assert!(timeout(Duration::from_millis(200), &mut server).await.is_err(), "the work is lost");
    work.go_on.notify_one();

    assert_eq!(next(&mut seen).await, "ended");
    assert!(timeout(TEST_TIMEOUT, server).await.is_ok(), "the server does not stop");
}

/// A gRPC service each of whose methods runs the work.
#[derive(Clone)]
struct Calls(Work);

impl NamedService for Calls {
    const NAME: &'static str = "payment.v1.PaymentService";
}

impl tower::Service<axum::http::Request<tonic::body::Body>> for Calls {
    type Response = axum::http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: axum::http::Request<tonic::body::Body>) -> Self::Future {
        let work = self.0.clone();
        Box::pin(async move {
            work.run().await;
            Ok(Status::new(Code::Ok, "").into_http())
        })
    }
}

#[tokio::test]
async fn a_call_that_changes_something_ends_without_its_client_and_one_that_reads_is_dropped() {
    let (work, mut seen) = Work::new();
    let services = Services::new(contracts::proto::DESCRIPTORS).with(Calls(work.clone()));
    let (address, _server) = testkit::serve(testkit::guard("payment", &[]).otherwise(Access::Public), services).await;
    let call = |method: &str| {
        let head = frames::call(1, &format!("/payment.v1.PaymentService/{method}"));
        [frames::start(), head, frames::body(1, &[0; 5])].concat()
    };

    leave(address, &call("Refund"), &mut seen).await;
    sleep(Duration::from_millis(50)).await;
    work.go_on.notify_one();
    assert_eq!(next(&mut seen).await, "ended");

    leave(address, &call("GetBalance"), &mut seen).await;
    assert_eq!(next(&mut seen).await, "dropped");

    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(&call("Refund")).await.unwrap();
    assert_eq!(next(&mut seen).await, "begun");
    connection.write_all(&frames::reset(1)).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    work.go_on.notify_one();
    assert_eq!(next(&mut seen).await, "ended", "a reset stream");
}
