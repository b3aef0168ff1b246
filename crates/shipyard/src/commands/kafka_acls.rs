//! `shipyard kafka-acls`: gives the broker's users the rights that follow from the routes.

use std::{io, time::Duration};

use contracts::events::{Topics, rights};
use platform::{
    config::Settings,
    kafka::{Config, set_acls},
};

/// The time that the broker has for its start.
const START: Duration = Duration::from_mins(1);
/// The pause between two attempts to reach it.
const PAUSE: Duration = Duration::from_millis(200);

/// Sets the rights, as the configured user, who must be a super user. A second run changes nothing.
pub async fn run() -> anyhow::Result<()> {
    let settings = Settings::load()?;
    let config = Config::load(&settings)?;
    let wanted = rights(&settings.read::<Topics>()?, &config.kafka_group_prefix);
    let deadline = tokio::time::Instant::now() + START;
    let changed = loop {
        match set_acls(&config, &wanted).await {
            Ok(changed) => break changed,
            Err(error) if error.is::<io::Error>() && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    };
    println!("rights of Kafka's users: {} in all, {} added, {} removed", wanted.len(), changed.added, changed.removed);
    Ok(())
}
