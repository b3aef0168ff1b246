//! A connection to one broker, for requests that librdkafka's binding lacks.

use std::{io, time::Duration};

use anyhow::{Context as _, ensure};
use bytes::{Buf as _, BufMut as _, Bytes};
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    Config,
    acls::protocol::{self, Api},
    security,
};

/// The time limits of connecting, with the handshake, and of one request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The size limit of a response, in bytes. An ACL takes about 100.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub struct Connection {
    stream: Box<dyn Stream>,
    sent: i32,
}

impl Connection {
    /// Connects to the first broker that accepts a connection, and authenticates.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let mut last = None;
        for broker in config.kafka_brokers.split(',').map(str::trim) {
            match timeout(CONNECT_TIMEOUT, connect(config, broker)).await.unwrap_or_else(|_| Err(timed_out().into())) {
                Ok(stream) => return Self { stream, sent: 0 }.authenticated(config).await,
                Err(error) => last = Some(error.context(broker.to_owned())),
            }
        }
        Err(last.context("KAFKA_BROKERS: is empty")?)
    }

    async fn authenticated(mut self, config: &Config) -> anyhow::Result<Self> {
        if let Some((mechanism, user, password)) = security::credentials(config) {
            protocol::accepted(self.call(protocol::SASL_HANDSHAKE, &protocol::handshake(mechanism)).await?)?;
            let password = password.map(SecretString::expose_secret).unwrap_or_default();
            let authenticate = protocol::authenticate(user, password);
            protocol::accepted(self.call(protocol::SASL_AUTHENTICATE, &authenticate).await?)?;
        }
        Ok(self)
    }

    pub async fn call(&mut self, Api(key, version): Api, body: &[u8]) -> anyhow::Result<Bytes> {
        self.sent += 1;
        let mut request = Vec::with_capacity(body.len() + 14);
        request.put_i32(i32::try_from(body.len() + 10)?);
        request.put_i16(key);
        request.put_i16(version);
        request.put_i32(self.sent);
        // No client id.
        request.put_i16(-1);
        request.extend(body);
        let mut response = timeout(REQUEST_TIMEOUT, self.exchange(&request)).await.map_err(|_| timed_out())??;
        ensure!(response.try_get_i32()? == self.sent, "the response is to another request");
        Ok(response)
    }

    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Bytes> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let length = usize::try_from(self.stream.read_i32().await?)?;
        ensure!(length <= MAX_RESPONSE_BYTES, "the response has {length} bytes");
        let mut response = vec![0; length];
        self.stream.read_exact(&mut response).await?;
        Ok(response.into())
    }
}

async fn connect(config: &Config, broker: &str) -> anyhow::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect(broker).await?;
    let Some(authorities) = &config.kafka_ssl_ca_file else { return Ok(Box::new(tcp)) };
    let trusting = security::trusting(authorities)?;
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
    let host = ServerName::try_from(host.to_owned()).context("is not a server name")?;
    Ok(Box::new(TlsConnector::from(trusting).connect(host, tcp).await?))
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no response")
}
