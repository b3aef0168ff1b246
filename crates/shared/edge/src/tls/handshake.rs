//! The server side of a TLS handshake, with a time limit. Failed handshakes are logged with the address of the client,
//! in a limited number of lines.

use std::{
    fmt,
    io::ErrorKind,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Identity, Tls, material::HANDSHAKE_TIMEOUT};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Clients with a certificate that names a service, the gateway or an operator. gRPC listeners require one.
    Certified,
    /// All clients. HTTP listeners do not request a client certificate.
    Anyone,
}

/// A connection after its handshake.
pub struct Admitted<S> {
    pub stream: TlsStream<S>,
    pub identity: Identity,
}

pub struct Acceptor {
    tls: Tls,
    clients: Clients,
    failures: Failures,
}

impl Acceptor {
    pub fn new(tls: Tls, clients: Clients) -> Self {
        Self { tls, clients, failures: Failures::default() }
    }

    /// Performs the handshake with `peer`. If it fails, logs the failure and returns `None`. Must not be called in the
    /// accept loop, because it may take up to five seconds.
    pub async fn accept<S>(&self, stream: S, peer: SocketAddr) -> Option<Admitted<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.tls.listener(self.clients));
        match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => match self.identity(&stream) {
                Ok(identity) => return Some(Admitted { stream, identity }),
                Err(reason) => self.failures.log(peer, reason),
            },
            // The client ended the handshake, for example after probing the port.
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                tracing::debug!(%peer, %error, "a TLS handshake was given up by its client");
            }
            Ok(Err(error)) => self.failures.log(peer, error),
            Err(_) => self.failures.log(peer, "timed out"),
        }
        None
    }

    fn identity<S>(&self, stream: &TlsStream<S>) -> Result<Identity, String> {
        match (self.clients, stream.get_ref().1.peer_certificates()) {
            (Clients::Anyone, _) => Ok(Identity::Anyone),
            (Clients::Certified, Some([certificate, ..])) => Identity::from_certificate(certificate),
            (Clients::Certified, _) => Err("the client sent no certificate".to_owned()),
        }
    }
}

/// The maximum number of log lines per [`LOG_INTERVAL`], so that strangers cannot fill the disk.
const MAX_LINES: u32 = 10;
const LOG_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Failures(Mutex<Option<Period>>);

struct Period {
    begun: Instant,
    failures: u32,
}

impl Failures {
    pub fn log(&self, peer: SocketAddr, reason: impl fmt::Display) {
        metrics::counter!("tls_handshake_failures_total").increment(1);
        if let Some(skipped) = self.line() {
            tracing::warn!(%peer, %reason, skipped, "TLS handshake failed");
        }
    }

    /// Counts a failure. Returns how many were not logged in the previous period, if this one must be logged.
    fn line(&self) -> Option<u32> {
        let now = Instant::now();
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(period) = slot.as_mut().filter(|period| now - period.begun < LOG_INTERVAL) {
            period.failures += 1;
            return (period.failures <= MAX_LINES).then_some(0);
        }
        let before = slot.replace(Period { begun: now, failures: 1 });
        Some(before.map_or(0, |period| period.failures.saturating_sub(MAX_LINES)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_failures_is_a_few_lines_and_then_its_number() {
        let failures = Failures::default();

        let lines = (0..1000).filter_map(|_| failures.line()).count();
        tokio::time::advance(LOG_INTERVAL).await;

        assert_eq!((lines, failures.line(), failures.line()), (10, Some(990), Some(0)));
    }
}
