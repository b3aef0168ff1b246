//! Connections that do not speak the shop's protocols: random bytes, or half a TLS handshake.

use std::{sync::Arc, time::Duration};

use platform::random;
use tokio::io::AsyncWriteExt as _;

use super::Attacker;
use crate::wire::Connection;

const CONNECTIONS: u32 = 600;
const REPEAT_DELAY: Duration = Duration::from_millis(500);
/// A record header that announces a ClientHello of 512 bytes, and the ClientHello's first bytes.
const HALF_HELLO: &[u8] = &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];

pub async fn hold(attacker: Arc<Attacker>) {
    attacker
        .repeat(CONNECTIONS, REPEAT_DELAY, |attacker, number| async move {
            let entrances = attacker.entrances.all();
            let target = entrances[number as usize % entrances.len()];
            let is_hello = number % 2 == 0;
            let opened = if is_hello {
                Connection::raw(&attacker, target).await
            } else {
                Connection::open(&attacker, target).await
            };
            let Ok(mut connection) = opened else { return };
            attacker.has_sent(1);
            let written = if is_hello {
                connection.write(HALF_HELLO).await
            } else {
                let bytes: [u8; 1024] = random::secret();
                connection.write(&bytes).await
            };
            // Half-close the connection: the attacker sends nothing more, and reads the server's answer.
            if written.is_ok() && number % 4 < 2 {
                let _ = connection.stream.shutdown().await;
            }
            connection.wait_for_close().await;
        })
        .await;
}
