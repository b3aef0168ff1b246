//! Forged service tokens, each of which the shop refuses and records; and access tokens, issued in a loop.

use std::{sync::Arc, time::Duration};

use contracts::proto::auth::v1::{IssueTokenRequest, auth_service_client::AuthServiceClient};
use tokio::time::sleep;

use super::Attacker;
use crate::wire::{channel, client};

const WORKERS: u32 = 16;
const REPEAT_DELAY: Duration = Duration::from_millis(100);

pub async fn flood(attacker: Arc<Attacker>) {
    let Some(http) = client(&attacker.entrances.order) else { return };
    attacker
        .repeat(WORKERS, REPEAT_DELAY, move |attacker, _| {
            let http = http.clone();
            async move {
                let _place = attacker.place();
                let url = format!("{}/api/v1/orders", attacker.entrances.order.url);
                while http.get(&url).header("Authorization", "Bearer x").send().await.is_ok() {
                    attacker.has_sent(1);
                    attacker.was_refused();
                    // Some 1 600 requests a second, which leaves enough of the machine to the customers.
                    sleep(REPEAT_DELAY / 10).await;
                }
            }
        })
        .await;
}

/// Requests access tokens for one session, one after another. Each new token ends the oldest of the session's eight.
pub async fn issue(attacker: Arc<Attacker>) {
    attacker
        .repeat(WORKERS, REPEAT_DELAY, |attacker, _| async move {
            let Some(channel) = channel(&attacker.entrances.iam) else { return };
            let _place = attacker.place();
            let mut auth = AuthServiceClient::new(channel);
            loop {
                attacker.has_sent(1);
                let request = IssueTokenRequest { session_uuid: attacker.account.session.clone() };
                if auth.issue_token(request).await.is_err() {
                    attacker.was_refused();
                    sleep(REPEAT_DELAY).await;
                }
                sleep(REPEAT_DELAY / 10).await;
            }
        })
        .await;
}
