//! Connections that send nothing, at every entrance.

use std::{sync::Arc, time::Duration};

use super::Attacker;
use crate::wire::Connection;

const CONNECTIONS: u32 = 5000;
const PAUSE: Duration = Duration::from_secs(1);

pub async fn hold(attacker: Arc<Attacker>) {
    attacker
        .repeat(CONNECTIONS, PAUSE, |attacker, number| async move {
            let entrances = attacker.entrances.all();
            let target = entrances[number as usize % entrances.len()];
            if let Ok(mut connection) = Connection::open(&attacker, target).await {
                connection.wait_for_close().await;
            }
        })
        .await;
}
