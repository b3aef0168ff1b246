//! Large messages that arrive whole, many at once under one session. Each occupies memory until it is handled.

use std::{sync::Arc, time::Duration};

use contracts::proto::inventory::v1::{
    ListPartsRequest, PartsFilter, inventory_service_client::InventoryServiceClient,
};
use futures::future::join_all;
use platform::auth::SESSION_METADATA;
use tokio::time::sleep;
use tonic::{Request, metadata::AsciiMetadataValue};

use super::Attacker;
use crate::wire::channel;

const CONNECTIONS: u32 = 8;
/// How many calls are concurrent on one connection.
const CONCURRENT_CALLS: usize = 25;
/// The size of a message in bytes, just below the limit.
const MESSAGE_BYTES: usize = 250_000;
const REPEAT_DELAY: Duration = Duration::from_secs(1);

pub async fn send(attacker: Arc<Attacker>) {
    attacker
        .repeat(CONNECTIONS, REPEAT_DELAY, |attacker, _| async move {
            let Some(channel) = channel(&attacker.entrances.inventory) else { return };
            let _place = attacker.place();
            let Ok(session) = attacker.account.session.parse::<AsciiMetadataValue>() else { return };
            let call = async || {
                let filter = PartsFilter { names: vec!["x".repeat(MESSAGE_BYTES)], ..PartsFilter::default() };
                let mut request =
                    Request::new(ListPartsRequest { filter: Some(filter), ..ListPartsRequest::default() });
                request.metadata_mut().insert(SESSION_METADATA, session.clone());
                if InventoryServiceClient::new(channel.clone()).list_parts(request).await.is_err() {
                    attacker.was_refused();
                }
            };
            loop {
                attacker.has_sent(CONCURRENT_CALLS as u64);
                join_all((0..CONCURRENT_CALLS).map(|_| call())).await;
                sleep(REPEAT_DELAY).await;
            }
        })
        .await;
}
