//! `shipyard kafka-acls`: grants the broker's users their rights according to the routes. Also creates the topics and
//! the journal of dead letters, which these users may not create.

use std::{io, time::Duration};

use contracts::events::{Topics, rights};
use operations::dead_letter_journal;
use platform::{
    config::Settings,
    kafka::{Config, add_acls, ensure_topics, set_acls},
};

const STARTUP_TIMEOUT: Duration = Duration::from_mins(1);
const RETRY_DELAY: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
pub struct Arguments {
    /// Add rights and remove none, while services of several versions run
    #[arg(long)]
    keep: bool,
}

/// The configured user must be a super user. A second run changes nothing.
pub async fn run(Arguments { keep }: Arguments) -> anyhow::Result<()> {
    let settings = Settings::load()?;
    let config = Config::load(&settings)?;
    let topics = settings.read::<Topics>()?;
    let wanted = rights(&topics, &config.kafka_group_prefix);
    let deadline = tokio::time::Instant::now() + STARTUP_TIMEOUT;
    let changed = loop {
        let result = if keep { add_acls(&config, &wanted).await } else { set_acls(&config, &wanted).await };
        match result {
            Ok(changed) => break changed,
            Err(error) if error.is::<io::Error>() && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(RETRY_DELAY).await;
            }
            Err(error) => return Err(error),
        }
    };
    ensure_topics(&config, &topics.all()).await?;
    dead_letter_journal::create(&config).await?;
    outln!("rights of Kafka's users: {} in all, {} added, {} removed", wanted.len(), changed.added, changed.removed);
    Ok(())
}
