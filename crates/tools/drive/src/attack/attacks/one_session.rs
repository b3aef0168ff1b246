//! One session with many concurrent requests.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Attacker;
use crate::attack::wire::client;

const REQUESTS: u32 = 600;
/// The pause after a failed request. The attack consists of the number of requests in flight, not their rate.
const REPEAT_DELAY: Duration = Duration::from_secs(1);

pub async fn flood(attacker: Arc<Attacker>) {
    let Some(http) = client(&attacker.entrances.order) else { return };
    attacker
        .repeat(REQUESTS, REPEAT_DELAY, move |attacker, _| {
            let http = http.clone();
            async move {
                let _place = attacker.place();
                let url = format!("{}/api/v1/orders?limit=100", attacker.entrances.order.url);
                loop {
                    attacker.has_sent(1);
                    let request = http.get(&url).header("X-Session-Uuid", &attacker.account.session);
                    match request.send().await {
                        Ok(answer) if answer.status().is_success() => drop(answer.bytes().await),
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
