//! Forged service tokens, each of which the shop refuses and records.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Attacker;
use crate::attack::wire::client;

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
