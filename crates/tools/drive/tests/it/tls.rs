//! Each attack on a shop over TLS completes the handshake, and then sends what it sends over plain text.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use certificates::{CERTIFICATE, Directory, KEY, Plan, Subject};
use client::{addresses::ShopAddresses, trust::Trust};
use drive::attack::{
    Entrances,
    attacker::{Attacker, Session},
    attacks,
};
use platform::config::Settings;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);
const SCALE: f64 = 0.02;

/// The first bytes of each connection inside TLS: none if it sends nothing within 300 ms. Connections with a failed
/// handshake are left out.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Vec<u8>>>>);

impl Heard {
    fn any(&self, is_it: impl Fn(&[u8]) -> bool) -> bool {
        self.0.lock().unwrap().iter().any(|first| is_it(first))
    }

    async fn listen(self, stream: TcpStream, acceptor: TlsAcceptor) {
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut buffer = vec![0; 4096];
        let first = timeout(Duration::from_millis(300), stream.read(&mut buffer)).await;
        buffer.truncate(first.ok().and_then(Result::ok).unwrap_or(0));
        self.0.lock().unwrap().push(buffer);
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
}

/// Starts a TLS listener that reads without answering.
async fn serve(files: &Path) -> (SocketAddr, Heard, AbortOnDropHandle<()>) {
    let chain = vec![CertificateDer::from_pem_file(files.join(CERTIFICATE)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(files.join(KEY)).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, heard) = (listener.local_addr().unwrap(), Heard::default());
    let notes = heard.clone();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(notes.clone().listen(stream, acceptor.clone()));
        }
    });
    (address, heard, AbortOnDropHandle::new(server))
}

#[tokio::test]
async fn each_attack_goes_on_inside_tls() {
    let directory = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let plan = Plan { now, ca_lifetime: 30 * DAY, lifetime: 2 * DAY, store_lifetime: 2 * DAY, renew: false };
    Directory::open(directory.path(), plan).unwrap().ensure(&Subject::service("order"), None).unwrap();
    let authority = directory.path().join("ca.crt").display().to_string();
    let trust = Trust::from_settings(&Settings::from_variables([("TLS_CA_FILE", authority)])).unwrap();
    let account =
        Session { user: Uuid::from_u128(1), session: Uuid::from_u128(2).to_string(), part: Uuid::from_u128(3) };

    for attack in attacks::ALL {
        let (address, heard, _server) = serve(&directory.path().join("order")).await;
        let place = format!("https://{address}");
        let addresses =
            ShopAddresses { order: place.clone(), iam: place.clone(), inventory: place, trust: trust.clone() };
        let attacker = Arc::new(Attacker::new(
            Entrances::from_addresses(&addresses).await.unwrap(),
            account.clone(),
            vec!["ann".to_owned()],
            SCALE,
        ));
        let _work = AbortOnDropHandle::new(tokio::spawn((attack.work)(attacker)));

        let said = |first: &[u8]| match attack.name {
            "idle" => first.is_empty(),
            "leaving" => first.starts_with(b"POST /api/v1/orders HTTP/1.1\r\n"),
            "one-session" | "token-flood" => first.starts_with(b"GET /api/v1/orders"),
            _ => first.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        };
        let all = timeout(Duration::from_secs(20), async {
            while !heard.any(said) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(all.await.is_ok(), "{}: nothing of it came through TLS", attack.name);
    }
}
