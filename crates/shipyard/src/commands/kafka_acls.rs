//! `shipyard kafka-acls`: grants the broker's users their rights according to the routes. Also creates the topics,
//! which these users may not create.

use std::io;

use contracts::events::{Topics, rights};
use platform::{
    config,
    kafka::{Config, add_acls, ensure_topics, set_acls},
};

use super::{STARTUP_TIMEOUT, retry};

#[derive(clap::Args)]
pub struct Arguments {
    /// Add rights and remove none, while services of several versions run
    #[arg(long)]
    keep: bool,
}

/// The configured user must be a super user. A second run changes nothing.
pub async fn run(Arguments { keep }: Arguments) -> anyhow::Result<()> {
    let settings = config::load()?;
    let config = Config::load(&settings)?;
    let topics = settings.read::<Topics>()?;
    let wanted = rights(&topics, &config.kafka_group_prefix);
    let change = async || if keep { add_acls(&config, &wanted).await } else { set_acls(&config, &wanted).await };
    let changed = retry(STARTUP_TIMEOUT, anyhow::Error::is::<io::Error>, change).await?;
    ensure_topics(&config, &topics.all()).await?;
    outln!("rights of Kafka's users: {} in all, {} added, {} removed", wanted.len(), changed.added, changed.removed);
    Ok(())
}
