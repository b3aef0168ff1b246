//! Redis client: one multiplexed connection that reconnects by itself and is replaced when the server does not reply.

mod memory;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use base::{
    deadline::{Silent, within_scheduled},
    readiness::Condition,
};
use redis::{
    Arg, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisError,
    RedisFuture, RedisResult, TlsCertificates, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

pub use self::memory::Memory;
use self::memory::{Info, info};

/// The time limit of one command including reconnecting. Only time in which this process is scheduled counts. So
/// callers learn within 500 ms that Redis is unavailable.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_millis(400);
/// A connection is replaced after this time without a reply to a command. This is less than the callers' time limits,
/// which would otherwise end the command first.
const REPLY_TIMEOUT: Duration = Duration::from_millis(250);
/// The error codes of a server that is not the primary, or not yet. Another server may have taken over its address.
const NOT_PRIMARY: [&str; 3] = ["READONLY", "MASTERDOWN", "LOADING"];
/// The minimum age of a connection that is replaced after such an error, so that a lasting one costs few connections.
const MIN_AGE: Duration = Duration::from_secs(1);
const HEALTH_CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// The `maxmemory-policy` that refuses writes instead of evicting keys.
const KEEPS: &str = "noeviction";
/// Commands that are retried once, over the connection that replaces a silent one.
const READS: [&[u8]; 3] = [b"GET", b"MGET", b"EXISTS"];

/// A connection that its clones share. It connects on first use, and is replaced when it is lost, or when its server is
/// no longer the primary.
///
/// `ConnectionManager` replaces only a connection that has ended, not one that stays open.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

/// Returns the certificates of the authorities that are trusted now, in PEM. It is called for each new connection, since
/// they may change.
pub type Authorities = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

struct Shared {
    server: ConnectionInfo,
    authorities: Option<Authorities>,
    config: ConnectionManagerConfig,
    current: Mutex<(Arc<ConnectionManager>, Instant)>,
}

fn manager(
    server: &ConnectionInfo,
    authorities: Option<&Authorities>,
    config: &ConnectionManagerConfig,
) -> RedisResult<ConnectionManager> {
    let client = match authorities {
        Some(authorities) if is_over_tls(server) => {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(authorities()) };
            Client::build_with_tls(server.clone(), certificates)?
        }
        _ => Client::open(server.clone())?,
    };
    ConnectionManager::new_lazy_with_config(client, config.clone())
}

fn is_over_tls(server: &ConnectionInfo) -> bool {
    matches!(server.addr(), ConnectionAddr::TcpTls { .. })
}

impl Connection {
    /// Replaces a TLS connection, so that the next one trusts the current authorities.
    fn renew_trust(&self) {
        if is_over_tls(&self.0.server) {
            self.replace(&self.current(), Duration::ZERO);
        }
    }

    fn current(&self) -> Arc<ConnectionManager> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Replaces the connection `used` if it has at least this age, unless it has been replaced already.
    fn replace(&self, used: &Arc<ConnectionManager>, age: Duration) {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current.0, used) && current.1.elapsed() >= age {
            match manager(&self.0.server, self.0.authorities.as_ref(), &self.0.config) {
                Ok(new) => *current = (Arc::new(new), Instant::now()),
                Err(error) => tracing::warn!(%error, "Redis reconnect failed, keeping the old connection"),
            }
        }
    }

    async fn answered<T>(
        &self,
        used: Arc<ConnectionManager>,
        response: impl Future<Output = RedisResult<T>>,
    ) -> RedisResult<T> {
        let outcome = answered_within(REPLY_TIMEOUT, response).await;
        match &outcome {
            Err(error) if error.is_timeout() => self.replace(&used, Duration::ZERO),
            Err(error) if error.code().is_some_and(|code| NOT_PRIMARY.contains(&code)) => {
                self.replace(&used, MIN_AGE);
            }
            _ => {}
        }
        outcome
    }

    /// Returns the reply of the current connection. The server's error is an error, not a value.
    async fn ask(&self, cmd: &Cmd) -> RedisResult<Value> {
        let current = self.current();
        let mut manager = ConnectionManager::clone(&current);
        self.answered(current, async { manager.req_packed_command(cmd).await?.extract_error() }).await
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            match self.ask(cmd).await {
                Err(error) if error.is_timeout() && is_read(cmd) => self.ask(cmd).await,
                outcome => outcome,
            }
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        cmd: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let current = self.current();
            let mut manager = ConnectionManager::clone(&current);
            self.answered(current, manager.req_packed_commands(cmd, offset, count)).await
        })
    }

    fn get_db(&self) -> i64 {
        self.current().get_db()
    }
}

/// Returns a command's reply, or a timeout error once this process has been scheduled for `limit`.
pub async fn answered_within<T>(limit: Duration, command: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let timed_out = |Silent| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
    within_scheduled(limit, command).await.unwrap_or_else(timed_out)
}

/// Converts a lifetime to milliseconds for Redis, at least one.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn is_read(cmd: &Cmd) -> bool {
    matches!(cmd.args_iter().next(), Some(Arg::Simple(name)) if READS.iter().any(|read| name.eq_ignore_ascii_case(read)))
}

/// Creates a connection that connects on first use. Errors name `variable` as the source of the URL. The server of a
/// `rediss://` URL must have a certificate of one of `authorities`, or without them of one of the operating system's
/// authorities.
pub fn lazy_connection(
    variable: &str,
    url: &SecretString,
    authorities: Option<Authorities>,
) -> anyhow::Result<Connection> {
    // `TCP_NODELAY` sends each command at once, and `TCP_USER_TIMEOUT` closes a connection over a dead link.
    let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(Duration::from_secs(5));
    let server = url.expose_secret().into_connection_info().ok();
    let server = server.with_context(|| format!("{variable}: is not a Redis URL such as redis://127.0.0.1:6379"))?;
    if let ConnectionAddr::TcpTls { insecure: true, .. } = server.addr() {
        anyhow::bail!("{variable}: #insecure would take any server's certificate; name the authority in TLS_CA_FILE");
    }
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(1)))
        // A last resort. Usually `answered` notices the missing reply first; it counts only time in which this process
        // is scheduled.
        .set_response_timeout(Some(HEALTH_CHECK_TIMEOUT))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(500));
    let server = server.set_tcp_settings(tcp);
    let current = manager(&server, authorities.as_ref(), &config).context("connecting to Redis")?;
    let current = Mutex::new((Arc::new(current), Instant::now()));
    Ok(Connection(Arc::new(Shared { server, authorities, config, current })))
}

/// Returns true if an available server refuses the user, the password or a command.
pub fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Serves,
    /// The server does not let this user read whether it evicts keys.
    Hides,
    Evicts,
    Refuses,
    Away,
}

/// Returns the server's state and the problem.
async fn check(connection: &mut Connection, absent: &str, memory: &Memory) -> (Server, String) {
    let info = async {
        probe(connection, absent).await?;
        info(connection).await
    };
    let info = tokio::time::timeout(HEALTH_CHECK_TIMEOUT, info).await;
    if let Ok(Ok(Some(Info { used, .. }))) = &info {
        memory.set(*used);
    }
    match info {
        Ok(Ok(None)) => (Server::Hides, String::new()),
        Ok(Ok(Some(Info { policy, .. }))) if policy != KEEPS => (Server::Evicts, policy),
        Ok(Ok(Some(_))) => (Server::Serves, String::new()),
        Ok(Err(error)) if is_refusal(&error) => (Server::Refuses, error.to_string()),
        Ok(Err(error)) => (Server::Away, error.to_string()),
        Err(_) => (Server::Away, "timed out".to_owned()),
    }
}

/// Checks every two seconds whether the server takes writes and keeps each key until it expires, and sets the readiness
/// condition accordingly. Also observes the used memory. `absent` is a key for [`probe`].
pub async fn watch(
    mut connection: Connection,
    absent: String,
    reachable: Condition,
    memory: Memory,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut before = Server::Serves;
    loop {
        let (server, problem) = check(&mut connection, &absent, &memory).await;
        match server {
            Server::Serves | Server::Hides => reachable.set(true),
            Server::Evicts => reachable.refuse("evicts keys, so set its maxmemory-policy to noeviction"),
            Server::Refuses => reachable.refuse("credentials refused"),
            Server::Away => {
                reachable.set(false);
                connection.renew_trust();
            }
        }
        match server {
            Server::Hides if server != before => {
                tracing::warn!("this service may not run INFO, so it does not know whether Redis evicts keys");
            }
            Server::Evicts if server != before => tracing::error!(policy = problem, "Redis evicts keys"),
            Server::Refuses if server != before => tracing::warn!(problem, "Redis refuses this service"),
            Server::Away if server != before => {
                let address = connection.0.server.addr();
                tracing::warn!(%address, problem, "Redis unavailable");
            }
            _ => {}
        }
        before = server;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Deletes the key `absent`, which never exists: unlike PING, a replica refuses this. Retries once, since a stale or
/// silent connection fails once and is then replaced.
pub async fn probe(connection: &mut Connection, absent: &str) -> RedisResult<()> {
    let mut delete = redis::cmd("DEL");
    delete.arg(absent);
    match delete.exec_async(connection).await {
        Err(error) if error.is_connection_dropped() || error.is_timeout() => delete.exec_async(connection).await,
        outcome => outcome,
    }
}
