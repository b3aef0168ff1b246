//! One HTTP/1.1 keep-alive connection with minimal overhead, since the client shares its cores with the measured
//! services.

use std::net::SocketAddr;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

pub struct HttpClient {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    _connection: AbortOnDropHandle<()>,
}

impl HttpClient {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, host: address.to_string(), _connection: AbortOnDropHandle::new(connection) })
    }

    pub async fn get(&mut self, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        self.ask(Method::GET, path, None, Bytes::new()).await
    }

    /// Sends a GET with a session.
    pub async fn get_as(&mut self, path: &str, session: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        self.ask(Method::GET, path, Some(session), Bytes::new()).await
    }

    /// Sends a POST with a JSON body and a session.
    pub async fn post(&mut self, path: &str, session: &str, body: String) -> anyhow::Result<(StatusCode, Bytes)> {
        self.ask(Method::POST, path, Some(session), body.into()).await
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        session: Option<&str>,
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let mut request = Request::builder().method(method).uri(path).header("host", &self.host);
        if let Some(session) = session {
            request = request.header("x-session-uuid", session).header("content-type", "application/json");
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// Returns the body of an answer with the status `wanted`; fails for any other status.
pub fn success(asked: &str, wanted: u16, (status, body): (StatusCode, Bytes)) -> anyhow::Result<Bytes> {
    anyhow::ensure!(status == wanted, "{asked} answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(body)
}

/// Opens `count` connections, one per worker.
pub async fn connections(address: SocketAddr, count: usize) -> anyhow::Result<Vec<HttpClient>> {
    futures::future::try_join_all((0..count).map(|_| HttpClient::connect(address))).await
}
