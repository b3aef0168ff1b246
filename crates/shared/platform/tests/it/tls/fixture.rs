//! Fixtures of the TLS tests: an authority, the files of a process, and raw clients and servers.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use certificates::{Authority, CERTIFICATE, KEY, Pair, Subject};
use platform::tls::{Config, Tls};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

pub const DAY: Duration = Duration::from_hours(24);

pub fn authority() -> Authority {
    Authority::create(SystemTime::now(), 365 * DAY).expect("an authority")
}

/// Returns a certificate of `subject` that is valid now, with its key.
pub fn pair(authority: &Authority, subject: &Subject) -> Pair {
    authority.sign(subject, SystemTime::now(), 30 * DAY).expect("a certificate")
}

/// The certificate files of one process, and their authority.
pub struct Files {
    pub directory: TempDir,
    pub authority: Authority,
    pub pair: Pair,
}

impl Files {
    /// Creates the files of the service `name`, with a certificate of a new authority.
    pub fn new(name: &str) -> Self {
        let authority = authority();
        let pair = pair(&authority, &Subject::service(name));
        let files = Self { directory: tempfile::tempdir().expect("a directory"), authority, pair };
        files.write(CA, files.authority.certificate());
        files.put(&files.pair);
        files
    }

    /// Returns the TLS of `subject`, with a certificate of the same authority.
    pub fn beside(&self, subject: &Subject) -> Tls {
        let directory = tempfile::tempdir().expect("a directory");
        let pair = pair(&self.authority, subject);
        fs::write(directory.path().join(CA), self.authority.certificate()).expect("a file");
        fs::write(directory.path().join(CERTIFICATE), pair.certificate).expect("a file");
        fs::write(directory.path().join(KEY), pair.key).expect("a file");
        Tls::load(config(directory.path())).expect("its files are in order")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub fn put(&self, pair: &Pair) {
        self.write(KEY, &pair.key);
        self.write(CERTIFICATE, &pair.certificate);
    }

    pub fn config(&self) -> Config {
        config(self.directory.path())
    }

    pub fn load(&self) -> Tls {
        Tls::load(self.config()).expect("the files are in order")
    }

    /// Returns the settings of a client that trusts the authority, with or without this certificate.
    pub fn client(&self, pair: Option<&Pair>) -> ClientConfig {
        let client = client().with_root_certificates(roots(&self.authority));
        match pair {
            Some(pair) => client.with_client_auth_cert(chain(pair), key(pair)).expect("the key fits"),
            None => client.with_no_client_auth(),
        }
    }
}

pub const CA: &str = certificates::CA;

fn config(directory: &Path) -> Config {
    let [ca, certificate, key] = [CA, CERTIFICATE, KEY].map(|name| directory.join(name));
    Config { ca, certificate, key }
}

fn client() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
}

/// Returns the settings of a server with this certificate that requests no client certificate.
pub fn server(pair: &Pair) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(chain(pair), key(pair))
        .expect("the key fits")
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.certificate().as_bytes()).expect("it is PEM");
    roots.add(certificate).expect("it is an authority's");
    roots
}

pub fn chain(pair: &Pair) -> Vec<CertificateDer<'static>> {
    vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("it is PEM")]
}

fn key(pair: &Pair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("it is PEM")
}

/// Connects to a server whose certificate must name `localhost`.
pub async fn connect(client: ClientConfig, to: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(client)).connect(name, stream).await
}
