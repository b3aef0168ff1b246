//! Tracks the network path to the server, and which connections are stale because the path was lost after they were
//! opened. The server's health is checked by a ping every second on a connection of its own, which also closes idle
//! connections.

use std::{sync::Arc, time::Duration};

use sqlx::{Connection as _, PgConnection};
use tokio::{
    sync,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Database, error::is_untrusted};
use crate::{outage::Outage, server::readiness::Condition};

/// The time without a response to a ping after which the server counts as unreachable. A statement may take longer.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The state that all connections of one database share. A failure of one connection applies to every connection at
/// least as old.
#[derive(Clone, Debug, Default)]
pub(super) struct Path(Arc<sync::watch::Sender<Marks>>);

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// Connections made until this time are not used again.
    stale: Option<Instant>,
    /// Connections made until this time get no more responses.
    silent: Option<Instant>,
    /// The latest ping, while it is not answered.
    asked: Option<Ping>,
}

#[derive(Clone, Copy, Debug)]
struct Ping {
    at: Instant,
    /// True if a connection at least as old as the ping has answered a statement that was sent after the ping.
    other_answered: bool,
}

/// The times of a connection that decide whether the state of the path applies to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub made: Instant,
    /// When a statement was sent.
    pub since: Instant,
}

/// The server did not answer in time, and the caller has stopped waiting.
#[derive(Debug)]
pub(super) struct Unanswered;

impl From<Unanswered> for sqlx::Error {
    fn from(_: Unanswered) -> Self {
        Self::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "PostgreSQL did not answer in time"))
    }
}

impl Path {
    /// Makes connections made until `moment` stale.
    pub fn is_stale_since(&self, moment: Instant) {
        self.0.send_modify(|marks| marks.stale = marks.stale.max(Some(moment)));
    }

    pub fn is_stale(&self, made: Instant) -> bool {
        self.0.borrow().stale.is_some_and(|stale| made <= stale)
    }

    pub fn ping_sent(&self, at: Instant) {
        self.0.send_modify(|marks| marks.asked = Some(Ping { at, other_answered: false }));
    }

    pub fn ping_answered(&self) {
        self.0.send_modify(|marks| marks.asked = None);
    }

    /// Records that the last ping was not answered. Connections at least as old as the ping then count as silent,
    /// unless one of them has answered meanwhile.
    pub fn ping_unanswered(&self) {
        self.0.send_modify(|marks| {
            if let Some(Ping { at, other_answered: false }) = marks.asked.take() {
                marks.stale = marks.stale.max(Some(at));
                marks.silent = marks.silent.max(Some(at));
            }
        });
    }

    fn heard(&self, used: Use) {
        let tells = |marks: &Marks| {
            marks.asked.is_some_and(|ping| !ping.other_answered && used.made <= ping.at && ping.at <= used.since)
        };
        if tells(&self.0.borrow()) {
            self.0.send_modify(|marks| {
                if let Some(ping) = marks.asked.as_mut().filter(|ping| ping.at <= used.since) {
                    ping.other_answered = true;
                }
            });
        }
    }

    /// Waits for `response`. Fails `limit` after the statement was sent, or once an unanswered ping shows that
    /// connections as old as this one get no more responses.
    pub async fn answered<T>(
        &self,
        used: Use,
        limit: Duration,
        response: impl Future<Output = T>,
    ) -> Result<T, Unanswered> {
        let mut marks = self.0.subscribe();
        tokio::select! {
            biased;
            response = response => {
                self.heard(used);
                Ok(response)
            }
            _ = marks.wait_for(|marks| marks.silent.is_some_and(|silent| used.made <= silent)) => Err(Unanswered),
            () = tokio::time::sleep_until(used.since + limit) => {
                self.is_stale_since(used.since);
                Err(Unanswered)
            }
        }
    }
}

const PING_INTERVAL: Duration = Duration::from_secs(1);

/// Sets a readiness condition while the database responds, marks the pool's connections as stale when the path is
/// lost, and closes those that were idle for long.
///
/// If the connection of the check breaks, for example because the server restarted, idle connections of the pool are
/// replaced before a request uses them. If a ping is not answered, statements that wait on connections as old as the
/// check's also fail, unless one of these connections has answered meanwhile.
pub async fn watch(database: Database, reachable: Condition, stop: CancellationToken) -> anyhow::Result<()> {
    let mut connection = None;
    let options = database.connect_options();
    let mut untrusted = Outage::new("PostgreSQL over TLS", format!("{}:{}", options.get_host(), options.get_port()));
    loop {
        database.close_idle();
        tokio::select! {
            alive = beat(&database, &mut connection, &mut untrusted) => reachable.set(alive),
            () = stop.cancelled() => return Ok(()),
        }
        tokio::select! {
            () = tokio::time::sleep(PING_INTERVAL) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Returns true if the server answers a ping or accepts a new connection.
async fn beat(database: &Database, connection: &mut Option<PgConnection>, untrusted: &mut Outage) -> bool {
    if let Some(known) = connection {
        let asked = Instant::now();
        database.path().ping_sent(asked);
        match timeout(PING_TIMEOUT, known.ping()).await {
            Ok(Ok(())) => {
                database.path().ping_answered();
                return true;
            }
            Ok(Err(_)) => database.path().is_stale_since(asked),
            Err(_) => database.path().ping_unanswered(),
        }
        *connection = None;
    }
    let connected = timeout(PING_TIMEOUT, database.connect()).await;
    match &connected {
        Ok(Ok(_)) => untrusted.over(),
        Ok(Err(error)) if is_untrusted(error) => untrusted.met(error),
        _ => {}
    }
    *connection = connected.ok().and_then(Result::ok);
    connection.is_some()
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(6);

    #[tokio::test(start_paused = true)]
    async fn a_silent_ping_ends_nothing_where_another_connection_as_old_has_answered() {
        let (path, made) = (Path::default(), Instant::now());
        tokio::time::advance(Duration::from_secs(1)).await;
        path.ping_sent(Instant::now());
        tokio::time::advance(Duration::from_secs(1)).await;
        let old = Use { made, since: Instant::now() };
        path.answered(old, TIMEOUT, ready(())).await.unwrap();

        path.ping_unanswered();

        let other = tokio::time::timeout(TIMEOUT / 2, path.answered(old, TIMEOUT, pending::<()>())).await;
        assert!(other.is_err(), "it is still waited for");
    }
}
