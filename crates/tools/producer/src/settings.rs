//! The broker's settings: from the environment, or else from the shop that runs from the data directory.

use std::path::Path;

use platform::config::{self, Settings};

/// Reads the environment. Without `KAFKA_BROKERS`, takes missing variables from the running shop, if there is one.
pub fn load() -> anyhow::Result<Settings> {
    let settings = config::load()?;
    if settings.get("KAFKA_BROKERS").is_some() {
        return Ok(settings);
    }
    let directory = settings.get("SHIPYARD_DATA").unwrap_or(".shipyard").to_owned();
    let running = std::fs::read_to_string(Path::new(&directory).join("running")).unwrap_or_default();
    let told = running.lines().filter_map(|line| line.split_once('='));
    let settings = told.fold(settings, |settings, (name, value)| settings.or(name, value));
    anyhow::ensure!(
        settings.get("KAFKA_BROKERS").is_some(),
        "KAFKA_BROKERS is not set, and no shop runs from {directory}: start one with `cargo run`, or set it"
    );
    Ok(settings)
}
