//! Tests of the certificate files: which files keep a process from starting, and what happens when files change.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use certificates::{CERTIFICATE, KEY, Pair, Subject};
use platform::tls::{Acceptor, Clients, Tls};
use rustls::pki_types::CertificateDer;
use testkit::MemoryLog;
use tracing::Level;

use super::fixture::{CA, DAY, Files, authority, chain, connect, pair};
use crate::serving::bind;

const WATCH_INTERVAL: Duration = Duration::from_millis(20);

/// Starts a listener that performs handshakes with all clients.
async fn listen(tls: &Tls) -> SocketAddr {
    let (listener, address) = bind().await;
    let acceptor = Arc::new(Acceptor::new(tls.clone(), Clients::Certified));
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream, peer).await });
        }
    });
    address
}

async fn shown(files: &Files, to: SocketAddr) -> CertificateDer<'static> {
    let order = pair(&files.authority, &Subject::service("order"));
    let stream = connect(files.client(Some(&order)), to).await.expect("a connection");
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone().into_owned()
}

type Spoil = Box<dyn Fn(&Files)>;

#[test]
fn a_file_that_cannot_be_used_is_an_error_that_names_its_variable() {
    let subject = Subject::service("order");
    let cases: [(&str, &str, Spoil); 8] = [
        ("no authority", "TLS_CA_FILE", Box::new(|files| files.write(CA, "nothing"))),
        ("no certificate", "TLS_CERT_FILE", Box::new(|files| files.write(CERTIFICATE, ""))),
        ("no key", "TLS_KEY_FILE", Box::new(|files| files.write(KEY, &files.pair.certificate))),
        ("missing", "TLS_KEY_FILE", Box::new(|files| std::fs::remove_file(files.path(KEY)).unwrap())),
        ("another key", "TLS_KEY_FILE", {
            let subject = subject.clone();
            Box::new(move |files| files.write(KEY, &pair(&files.authority, &subject).key))
        }),
        ("another authority's", "TLS_CERT_FILE", {
            let subject = subject.clone();
            Box::new(move |files| files.put(&pair(&authority(), &subject)))
        }),
        ("expired", "TLS_CERT_FILE", {
            let subject = subject.clone();
            Box::new(move |files| {
                files.put(&files.authority.sign(&subject, SystemTime::now() - 2 * DAY, DAY).unwrap());
            })
        }),
        ("no URI", "TLS_CERT_FILE", Box::new(|files| files.put(&pair(&files.authority, &Subject::store("order"))))),
    ];
    for (case, variable, spoil) in cases {
        let files = Files::new("order");
        spoil(&files);

        let error = Tls::load(files.config()).err().unwrap();

        assert_eq!(error.variable, variable, "{case}: {error}");
        assert!(!error.to_string().contains("BEGIN"), "{case}: {error}");
    }
}

#[test]
fn another_services_certificate_is_refused() {
    let files = Files::new("order");

    let error = Tls::of_service(files.config(), "payment").err().unwrap();

    assert_eq!(error.to_string(), "TLS_CERT_FILE: is the certificate of order, and this is payment");
}

#[tokio::test]
async fn new_files_count_without_a_restart_and_broken_ones_keep_the_old() {
    let files = Files::new("payment");
    let tls = files.load();
    let address = listen(&tls).await;
    let (log, _guard) = MemoryLog::capture(Level::INFO);
    let _watch = testkit::run(|stop| tls.clone().watch(WATCH_INTERVAL, stop));
    let first = chain(&files.pair).remove(0);
    assert_eq!(shown(&files, address).await, first);

    for (name, problem) in
        [(KEY, "TLS_KEY_FILE: is no"), (CERTIFICATE, "TLS_CERT_FILE: has no"), (CA, "TLS_CA_FILE: has no")]
    {
        let whole = std::fs::read_to_string(files.path(name)).unwrap();
        files.write(name, "nothing");
        testkit::eventually(async || log.text().contains(problem).then_some(())).await;
        tokio::time::sleep(5 * WATCH_INTERVAL).await;
        assert_eq!(log.text().matches(problem).count(), 1, "logged once, however often it is looked at");
        assert_eq!(shown(&files, address).await, first, "{name}");
        files.write(name, &whole);
    }
    files.put(&pair(&files.authority, &Subject::service("order")));
    testkit::eventually(async || log.text().contains("names order, and did not before").then_some(())).await;
    assert_eq!(shown(&files, address).await, first, "another service's certificate");
    let next = pair(&files.authority, &Subject::service("payment"));
    files.put(&next);

    let next = chain(&next).remove(0);
    testkit::eventually(async || (shown(&files, address).await == next).then_some(())).await;
}

#[tokio::test]
async fn an_authority_that_is_added_is_trusted_and_one_that_is_removed_is_not() {
    let files = Files::new("payment");
    let tls = files.load();
    let address = listen(&tls).await;
    let _watch = testkit::run(|stop| tls.clone().watch(WATCH_INTERVAL, stop));
    let other = authority();
    let order: Pair = pair(&other, &Subject::service("order"));
    let is_admitted = async || {
        use tokio::io::AsyncReadExt as _;
        let Ok(mut stream) = connect(files.client(Some(&order)), address).await else { return false };
        // The listener closes a connection after a successful handshake. A failed one ends with an alert, which is an
        // error.
        stream.read(&mut [0]).await.map_or_else(|error| error.kind() == std::io::ErrorKind::UnexpectedEof, |_| true)
    };
    assert!(!is_admitted().await);

    files.write(CA, &format!("{}{}", files.authority.certificate(), other.certificate()));
    testkit::eventually(async || is_admitted().await.then_some(())).await;
    files.write(CA, files.authority.certificate());
    testkit::eventually(async || (!is_admitted().await).then_some(())).await;
}
