//! Tests of PostgreSQL and Redis over TLS. The real servers are behind a proxy that terminates TLS.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use certificates::Subject;
use platform::{
    postgres::{Database, migrate},
    redis::{Connection, Memory, lazy_connection, watch},
    server::readiness::Readiness,
    tls::Tls,
};
use rustls::ServerConfig;
use sqlx::{ConnectOptions as _, migrate::Migrator};
use testkit::MemoryLog;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::Level;

use super::fixture::{CA, Files, pair, server};
use crate::serving::bind;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/order");
/// The first message of a PostgreSQL client that requests TLS (SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// How a client opens a connection at the proxy.
#[derive(Clone, Copy, PartialEq)]
enum Opening {
    /// With a TLS handshake at once.
    Tls,
    /// Like PostgreSQL with TLS: the client has to request it.
    Asked,
    /// Like PostgreSQL without TLS: the request is declined.
    Declined,
}

/// Starts a proxy that terminates TLS for the server at `to`.
async fn front(to: String, tls: ServerConfig, opening: Opening) -> SocketAddr {
    let (listener, address) = bind().await;
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move { relay(stream, acceptor, to, opening).await });
        }
    });
    address
}

async fn relay(mut stream: TcpStream, tls: TlsAcceptor, to: String, opening: Opening) -> std::io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    if opening != Opening::Tls {
        let mut request = [0; 8];
        stream.read_exact(&mut request).await?;
        assert_eq!(request, SSL_REQUEST, "the client does not ask for TLS");
        stream.write_all(if opening == Opening::Asked { b"S" } else { b"N" }).await?;
    }
    if opening == Opening::Declined {
        copy_bidirectional(&mut stream, &mut server).await?;
    } else {
        copy_bidirectional(&mut tls.accept(stream).await?, &mut server).await?;
    }
    Ok(())
}

/// Starts a database behind a proxy with the certificate of `subject`. Returns it with a URL that requires
/// `verify-full` with the authority in `files`.
async fn database(files: &Files, subject: &Subject, opening: Opening) -> (testkit::Database, String) {
    let database = testkit::empty_database().await;
    let options = database.pool.connect_options();
    let to = format!("{}:{}", options.get_host(), options.get_port());
    let front = front(to, server(&pair(&files.authority, subject)), opening).await;
    let url = (*options).clone().host("localhost").port(front.port()).to_url_lossy().to_string();
    let (url, _) = url.split_once('?').expect("the options are in it");
    let url = format!("{url}?sslmode=verify-full&sslrootcert={}", files.path(CA).display());
    (database, url)
}

async fn start(url: String) -> anyhow::Result<()> {
    let pool = Database::lazy("test", "TEST_DATABASE_URL", &url.into(), 2)?;
    let stop = CancellationToken::new();
    let start = tokio::time::timeout(Duration::from_secs(20), migrate(&pool, &MIGRATIONS, &stop));
    start.await?
}

#[tokio::test]
async fn postgres_is_used_over_tls_and_a_wrong_certificate_ends_the_start_and_is_named() {
    let (files, others) = (Files::new("order"), Files::new("order"));
    let elsewhere = Subject { hosts: vec!["elsewhere".to_owned()], ..Subject::store("postgres") };
    let (_first, other_authority) = database(&others, &Subject::store("postgres"), Opening::Asked).await;
    let other_authority = other_authority.replace(others.path(CA).to_str().unwrap(), files.path(CA).to_str().unwrap());
    let (_second, other_name) = database(&files, &elsewhere, Opening::Asked).await;
    let (_third, no_tls) = database(&files, &Subject::store("postgres"), Opening::Declined).await;
    let (_fourth, right) = database(&files, &Subject::store("postgres"), Opening::Asked).await;

    for (case, url) in [("authority", other_authority), ("name", other_name), ("no TLS", no_tls)] {
        let error = format!("{:#}", start(url).await.unwrap_err());
        println!("{case}: {error}");
        assert!(error.contains("has no TLS or a certificate that is not trusted"), "{case}: {error}");
    }
    start(right).await.unwrap();
}

/// Returns a connection to Redis behind a proxy with a certificate of the authority in `files`. The connection trusts
/// only `trust`.
async fn redis(files: &Files, trust: &Tls) -> Connection {
    let url = testkit::redis().await.url;
    let server_address = url.rsplit('/').find(|part| part.contains(':')).expect("a URL has a host and a port");
    let certificate = server(&pair(&files.authority, &Subject::store("redis")));
    let front = front(server_address.to_owned(), certificate, Opening::Tls).await;
    let url = format!("rediss://localhost:{}", front.port());
    lazy_connection("REDIS_URL", &url.into(), Some(trust.authorities())).expect("a valid URL")
}

#[tokio::test]
async fn redis_with_a_wrong_certificate_is_not_ready_until_its_authority_is_trusted() {
    let (files, mine) = (Files::new("iam"), Files::new("iam"));
    let trust = mine.load();
    let connection = redis(&files, &trust).await;
    let (log, _guard) = MemoryLog::capture(Level::INFO);
    let readiness = Readiness::default();
    let condition = readiness.condition("redis");
    let _watch = testkit::run(|stop| watch(connection, "absent".to_owned(), condition, Memory::default(), stop));
    let _files = testkit::run(|stop| trust.watch(Duration::from_millis(20), stop));
    testkit::eventually(async || log.text().contains("UnknownIssuer").then_some(())).await;
    assert!(!readiness.is_ready());

    mine.write(CA, &format!("{}{}", mine.authority.certificate(), files.authority.certificate()));

    tokio::time::timeout(Duration::from_secs(30), readiness.ready()).await.unwrap();
}

#[test]
fn a_url_that_takes_any_certificate_of_redis_is_refused() {
    let error = lazy_connection("REDIS_URL", &"rediss://localhost:6379/#insecure".into(), None).err().unwrap();

    assert!(error.to_string().contains("REDIS_URL"), "{error}");
}
