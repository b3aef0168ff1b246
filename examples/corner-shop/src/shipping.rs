//! The consumer of `order.placed`: ships each order once, however often its event arrives.

use std::time::Duration;

use outbox::{Tables, inbox};
use sqlx::PgPool;
use uuid::Uuid;

use crate::broker::{Broker, Message};

/// One topic for both event types, since only within a topic do the events of one order keep their order.
pub const TOPIC: &str = "orders";
const GROUP: &str = "shipping";
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const RETRY_DELAY: Duration = Duration::from_millis(500);

#[derive(serde::Deserialize)]
struct Placed {
    order: Uuid,
}

/// Consumes until the process ends. A record that fails is retried, and stops all later ones.
pub async fn run(pool: &PgPool, broker: &Broker) {
    loop {
        match consume(pool, broker).await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(POLL_INTERVAL).await,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "consuming failed, retrying");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Processes the next record. Returns false if there is none.
async fn consume(pool: &PgPool, broker: &Broker) -> anyhow::Result<bool> {
    let Some(message) = broker.next(GROUP, TOPIC).await? else { return Ok(false) };
    if message.kind == "order.placed" {
        ship(pool, &message).await?;
    }
    // (8) The position comes last. Committed before the shipment, it would lose the order if the process died between.
    broker.commit(GROUP, TOPIC, message.position).await?;
    Ok(true)
}

async fn ship(pool: &PgPool, message: &Message) -> anyhow::Result<()> {
    let placed: Placed = serde_json::from_slice(&message.payload)?;
    let mut transaction = pool.begin().await?;
    // (7) The inbox inserts the event's id, and returns false if it is there already. The shipment is in the same
    // transaction, so an `order.placed` is in the inbox if and only if its order is shipped.
    if inbox::apply(&mut transaction, &Tables::default(), GROUP, message.event).await? {
        let shipment = sqlx::query("insert into shipments (order_id) values ($1)").bind(placed.order);
        shipment.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}
