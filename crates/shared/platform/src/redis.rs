//! Redis: one multiplexed connection that reconnects by itself and is replaced when it is silent.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use redis::{
    Arg, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisError,
    RedisFuture, RedisResult, TlsCertificates, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::{
    health::Condition,
    starvation::{Silent, within_scheduled},
    tls::{self, Tls},
};

/// The time limit of one command, reconnecting included, while this process is scheduled. So callers learn within 500 ms that Redis is
/// unavailable.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_millis(400);
/// A connection without a reply for this long is replaced. It is less than the callers' own timeouts, which would hide the loss.
const SILENCE: Duration = Duration::from_millis(250);
/// How long the question whether the server answers may take.
const WATCH: Duration = Duration::from_secs(2);
/// Commands that change nothing: they are repeated once, over the connection that replaces a silent one.
const READS: [&[u8]; 3] = [b"GET", b"MGET", b"EXISTS"];

/// A connection that is shared by its clones, made on first use and replaced when it is lost.
///
/// `ConnectionManager` does that when the connection ends. One that stays open while its bytes are dropped it would keep.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    server: ConnectionInfo,
    /// The authorities that a server over TLS is trusted by; the system's without them.
    tls: Option<Tls>,
    config: ConnectionManagerConfig,
    current: Mutex<Arc<ConnectionManager>>,
}

fn manager(
    server: &ConnectionInfo,
    tls: Option<&Tls>,
    config: &ConnectionManagerConfig,
) -> RedisResult<ConnectionManager> {
    let client = match tls {
        Some(tls) if is_over_tls(server) => {
            let authorities = TlsCertificates { client_tls: None, root_cert: Some(tls.authorities()) };
            Client::build_with_tls(server.clone(), authorities)?
        }
        _ => Client::open(server.clone())?,
    };
    ConnectionManager::new_lazy_with_config(client, config.clone())
}

fn is_over_tls(server: &ConnectionInfo) -> bool {
    matches!(server.addr(), ConnectionAddr::TcpTls { .. })
}

impl Connection {
    /// Makes the next TLS connection trust the current authorities.
    fn renew_trust(&self) {
        if is_over_tls(&self.0.server) {
            self.replace(&self.current());
        }
    }

    fn current(&self) -> Arc<ConnectionManager> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a new connection in the place of `silent`, unless that has been done.
    fn replace(&self, silent: &Arc<ConnectionManager>) {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, silent) {
            match manager(&self.0.server, self.0.tls.as_ref(), &self.0.config) {
                Ok(new) => *current = Arc::new(new),
                Err(error) => tracing::warn!(%error, "no new connection to Redis"),
            }
        }
    }

    async fn answered<T>(&self, used: Arc<ConnectionManager>, answer: RedisFuture<'_, T>) -> RedisResult<T> {
        let outcome = answered_within(SILENCE, answer).await;
        if outcome.as_ref().is_err_and(RedisError::is_timeout) {
            self.replace(&used);
        }
        outcome
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let current = self.current();
            let mut manager = ConnectionManager::clone(&current);
            match self.answered(current, manager.req_packed_command(cmd)).await {
                Err(error) if error.is_timeout() && is_read(cmd) => {
                    let current = self.current();
                    let mut manager = ConnectionManager::clone(&current);
                    self.answered(current, manager.req_packed_command(cmd)).await
                }
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

/// Returns the answer of a command, or a timeout error once this process has been scheduled for `limit`.
pub async fn answered_within<T>(limit: Duration, command: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let timed_out = |Silent| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
    within_scheduled(limit, command).await.unwrap_or_else(timed_out)
}

/// Converts a lifetime to Redis' milliseconds, at least one.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn is_read(cmd: &Cmd) -> bool {
    matches!(cmd.args_iter().next(), Some(Arg::Simple(name)) if READS.iter().any(|read| name.eq_ignore_ascii_case(read)))
}

/// Creates a connection that is made on first use. `variable` names the URL in errors. `tls` has the authorities that the server of a
/// `rediss://` URL must be signed by; without it, the system's authorities apply.
pub fn lazy_connection(variable: &str, url: &SecretString, tls: Option<&Tls>) -> anyhow::Result<Connection> {
    // A command is not held back for the next one, and a dead link is given up.
    let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(Duration::from_secs(5));
    let server = url.expose_secret().into_connection_info().ok();
    let server = server.with_context(|| format!("{variable}: is not a Redis URL such as redis://127.0.0.1:6379"))?;
    if let ConnectionAddr::TcpTls { insecure: true, .. } = server.addr() {
        anyhow::bail!("{variable}: #insecure would take any server's certificate; name the authority in {}", tls::CA);
    }
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(1)))
        // The bound of last resort: `answered` looks for silence while this process is scheduled.
        .set_response_timeout(Some(WATCH))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(500));
    let server = server.set_tcp_settings(tcp);
    let current = manager(&server, tls, &config).context("connecting to Redis")?;
    let current = Mutex::new(Arc::new(current));
    Ok(Connection(Arc::new(Shared { server, tls: tls.cloned(), config, current })))
}

/// Returns true if the server answers and refuses the user, the password or a command, so it is not unavailable.
pub fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Answers,
    Refuses,
    Away,
}

/// Keeps a readiness condition true to whether the server answers, asking every two seconds.
pub async fn watch(mut connection: Connection, reachable: Condition, stop: CancellationToken) -> anyhow::Result<()> {
    let mut before = Server::Answers;
    loop {
        let answer = tokio::time::timeout(WATCH, ping(&mut connection)).await;
        let (server, problem) = match answer {
            Ok(Ok(())) => (Server::Answers, String::new()),
            Ok(Err(error)) if is_refusal(&error) => (Server::Refuses, error.to_string()),
            Ok(Err(error)) => (Server::Away, error.to_string()),
            Err(_) => (Server::Away, "no answer in time".to_owned()),
        };
        match server {
            Server::Answers => reachable.set(true),
            Server::Refuses => reachable.refuse("credentials refused"),
            Server::Away => {
                reachable.set(false);
                connection.renew_trust();
            }
        }
        match server {
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

/// Asks whether the server answers. A stale or silent connection fails once; the next is new.
pub async fn ping(connection: &mut Connection) -> RedisResult<()> {
    let ping = redis::cmd("PING");
    match ping.query_async(connection).await {
        Err(error) if error.is_connection_dropped() || error.is_timeout() => ping.query_async(connection).await,
        outcome => outcome,
    }
}
