//! Clients that reset their connection while the shop creates their order, and retry the request under its key.
//!
//! The attack succeeds if the response to the retry is that the first request is still in progress: then the abandoned
//! request has kept its key and the parts reserved for it.

use std::{sync::Arc, time::Duration};

use client::customer::ORDERS;
use platform::ids;
use serde_json::json;
use tokio::time::sleep;

use super::Attacker;
use crate::attack::wire::Connection;

const CLIENTS: u32 = 40;
const REPEAT_DELAY: Duration = Duration::from_millis(200);
/// The number of different delays: client `n` leaves after `n % LEAVE_DELAYS` milliseconds.
const LEAVE_DELAYS: u32 = 8;

pub async fn repeat(attacker: Arc<Attacker>) {
    attacker
        .repeat(CLIENTS, REPEAT_DELAY, |attacker, number| async move {
            let body = json!({ "user_uuid": attacker.account.user, "part_uuids": [attacker.account.part] }).to_string();
            let creation = posted(&attacker, ORDERS, &body);
            let target = &attacker.entrances.order;
            let Ok(mut first) = Connection::open(&attacker, target).await else { return };
            attacker.has_sent(1);
            if first.write(creation.as_bytes()).await.is_err() {
                return;
            }
            sleep(Duration::from_millis((number % LEAVE_DELAYS).into())).await;
            first.reset();
            let Ok(repeat) = Connection::open(&attacker, target).await else { return };
            let response = repeat.ask(&creation).await;
            if response.contains("IDEMPOTENCY_IN_PROGRESS") {
                attacker.has_succeeded();
            }
            // Cancel the order, whose parts are needed again.
            let order = response.split_once(r#""order_uuid":""#).and_then(|(_, rest)| rest.split_once('"'));
            match (order, Connection::open(&attacker, target).await) {
                (Some((order, _)), Ok(connection)) => {
                    connection.ask(&posted(&attacker, &format!("/api/v1/orders/{order}/cancel"), "")).await;
                }
                (None, _) => attacker.was_refused(),
                (Some(_), Err(_)) => {}
            }
        })
        .await;
}

/// Returns a POST request under a new idempotency key.
fn posted(attacker: &Attacker, path: &str, body: &str) -> String {
    let (target, session, key, length) =
        (&attacker.entrances.order, &attacker.account.session, ids::random(), body.len());
    format!(
        "POST {path} HTTP/1.1\r\nHost: {target}\r\nX-Session-Uuid: {session}\r\nIdempotency-Key: {key}\r\n\
         Connection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
