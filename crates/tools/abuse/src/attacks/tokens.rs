//! Forged service tokens, each of which the shop refuses and records.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Attacker;
use crate::wire::client;

const WORKERS: u32 = 16;
const PAUSE: Duration = Duration::from_millis(100);

pub async fn flood(attacker: Arc<Attacker>) {
    let Some(http) = client(&attacker.entrances.order) else { return };
    attacker
        .repeat(WORKERS, PAUSE, move |attacker, _| {
            let http = http.clone();
            async move {
                let _place = attacker.place();
                let url = format!("{}/api/v1/orders", attacker.entrances.order.url);
                while http.get(&url).header("Authorization", "Bearer x").send().await.is_ok() {
                    attacker.has_sent(1);
                    attacker.was_refused();
                    // Some 1 600 requests a second, which leaves the machine to the customers.
                    sleep(PAUSE / 10).await;
                }
            }
        })
        .await;
}
