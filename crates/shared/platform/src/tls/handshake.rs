//! The server side of a TLS handshake, with a time limit.

use std::{io::ErrorKind, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Identity, Tls, failures::Failures, material::HANDSHAKE_TIMEOUT};

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
