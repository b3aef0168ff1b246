//! `shipyard produce`: generates orders and publishes them to the topic that the local shop's intake service consumes.

use anyhow::Context as _;
use platform::config::Settings;
pub use producer::Arguments;

use crate::data::Data;

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    producer::run(&arguments, &settings).await.with_context(|| data.advice())
}
