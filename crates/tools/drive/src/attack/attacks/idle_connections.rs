//! Connections that send nothing, at every entrance. Over TLS, every other one completes the handshake first.

use std::{sync::Arc, time::Duration};

use super::Attacker;
use crate::attack::wire::Connection;

const CONNECTIONS: u32 = 5000;
const REPEAT_DELAY: Duration = Duration::from_secs(1);

pub async fn hold(attacker: Arc<Attacker>) {
    attacker
        .repeat(CONNECTIONS, REPEAT_DELAY, |attacker, number| async move {
            let entrances = attacker.entrances.all();
            let target = entrances[number as usize % entrances.len()];
            // `number % 3` chooses the entrance, so this choice must not depend on it.
            let is_raw = number / 3 % 2 == 0;
            let opened = if is_raw {
                Connection::raw(&attacker, target).await
            } else {
                Connection::open(&attacker, target).await
            };
            if let Ok(mut connection) = opened {
                connection.wait_for_close().await;
            }
        })
        .await;
}
