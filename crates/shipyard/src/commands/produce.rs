//! `shipyard produce`: makes orders and sends them to the topic that intake reads, of the shop that runs here.

use anyhow::Context as _;
use platform::config::Settings;
pub use producer::Arguments;

use crate::data::Data;

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    producer::run(&arguments, &settings).await.with_context(|| data.advice())
}
