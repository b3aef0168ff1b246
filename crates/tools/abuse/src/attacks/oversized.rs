//! Headers and messages far larger than any that the shop needs.

use std::{sync::Arc, time::Duration};

use contracts::proto::auth::v1::{WhoamiRequest, auth_service_client::AuthServiceClient};
use tokio::time::sleep;

use super::Attacker;
use crate::wire::{Connection, Http2, channel, client, frames};

const METADATA_BYTES: usize = 1 << 20;
const MESSAGE_BYTES: usize = 4 << 20;
const BAGGAGE_BYTES: usize = 10_000;
const WORKERS: u32 = 16;
/// The number of connections that send messages. A message of 4 MB costs the attacker as much as the shop.
const MESSENGERS: u32 = 8;
const REPEAT_DELAY: Duration = Duration::from_millis(500);

/// Sends 1 MB of headers: to iam and inventory in HEADERS and CONTINUATION frames, to order in one header.
pub async fn metadata(attacker: Arc<Attacker>) {
    attacker
        .repeat(WORKERS, REPEAT_DELAY, |attacker, number| async move {
            let target = attacker.entrances.all()[number as usize % 3];
            if number % 3 == 0 {
                let Ok(mut connection) = Connection::open(&attacker, target).await else { return };
                attacker.has_sent(1);
                let head = format!("GET /api/v1/orders HTTP/1.1\r\nHost: {target}\r\nX-Large: ");
                let large = [head.as_bytes(), &vec![b'x'; METADATA_BYTES], b"\r\n\r\n"].concat();
                // The server may answer and close before it has received everything.
                let _ = connection.write(&large).await;
                connection.wait_for_close().await;
                return;
            }
            let Ok(connection) = Http2::open(&attacker, target).await else { return };
            let mut frames = large_call(&connection.authority).into_iter();
            attacker.has_sent(1);
            connection.drive(|| std::future::ready(frames.next())).await;
        })
        .await;
}

fn large_call(authority: &str) -> Vec<Vec<u8>> {
    let whole = frames::call(authority, "/auth.v1.AuthService/Whoami");
    let value = "x".repeat(8000);
    let many: Vec<(&str, &str)> = vec![("x-large", &value); METADATA_BYTES / value.len()];
    let rest = frames::block(&many);
    let mut pieces = rest.chunks(frames::LARGEST).peekable();
    let mut all = vec![frames::unfinished_headers(1, &whole)];
    while let Some(piece) = pieces.next() {
        all.push(frames::continuation(1, piece, pieces.peek().is_none()));
    }
    all
}

/// Sends messages of 4 MB to an RPC that needs no session.
pub async fn messages(attacker: Arc<Attacker>) {
    attacker
        .repeat(MESSENGERS, REPEAT_DELAY, |attacker, _| async move {
            let Some(channel) = channel(&attacker.entrances.iam) else { return };
            let _place = attacker.place();
            let mut auth = AuthServiceClient::new(channel).max_encoding_message_size(usize::MAX);
            loop {
                attacker.has_sent(1);
                if auth
                    .whoami(WhoamiRequest { session_uuid: "x".repeat(MESSAGE_BYTES), ..WhoamiRequest::default() })
                    .await
                    .is_err()
                {
                    attacker.was_refused();
                }
                sleep(REPEAT_DELAY).await;
            }
        })
        .await;
}

/// Sends valid requests with a session, 10 kB of baggage and an invalid `traceparent`.
pub async fn baggage(attacker: Arc<Attacker>) {
    let Some(http) = client(&attacker.entrances.order) else { return };
    attacker
        .repeat(WORKERS, REPEAT_DELAY, move |attacker, _| {
            let http = http.clone();
            async move {
                let _place = attacker.place();
                let url = format!("{}/api/v1/orders", attacker.entrances.order.url);
                let baggage = format!("a={}", "b".repeat(BAGGAGE_BYTES));
                loop {
                    attacker.has_sent(1);
                    let request = http.get(&url).header("X-Session-Uuid", &attacker.account.session);
                    let answer = request.header("baggage", &baggage).header("traceparent", "00-zz-zz-zz").send().await;
                    if answer.is_ok_and(|answer| !answer.status().is_success()) {
                        attacker.was_refused();
                    }
                    sleep(REPEAT_DELAY / 5).await;
                }
            }
        })
        .await;
}
