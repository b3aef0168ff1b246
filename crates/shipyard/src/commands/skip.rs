//! `shipyard skip`: lets consumers continue behind a batch that they cannot read.

use operations::skip;
use platform::{config::Settings, kafka};

use crate::data::Data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Topic of the batch, as the log of the consumer names it
    topic: String,
    partition: i32,
    /// Offset of the batch
    offset: i64,
    /// Only this consumer group (default: all that read the topic)
    #[arg(long)]
    group: Option<String>,
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let Arguments { topic, partition, offset, group } = arguments;
    let settings = data.running(Settings::load()?);
    let config = kafka::Config::load(&settings)?;
    let group = group.as_deref();
    outln!("{}", skip::skip(&config, &settings.read()?, &topic, partition, offset, group).await?);
    Ok(())
}
