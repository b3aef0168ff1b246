//! `shipyard couriers`: lists the couriers and what they carry. The console shows them on a map.

mod feed;
mod list;

use platform::config::Settings;

use self::feed::Feed;
use crate::{data::Data, output};

#[derive(clap::Args)]
pub struct Arguments {
    /// Print the couriers and the active orders as JSON
    #[arg(long)]
    json: bool,
    /// URL of delivery's HTTP API (default: DELIVERY_URL, or this machine)
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Session to send; required if DELIVERY_OPEN is false
    #[arg(long, value_name = "UUID")]
    session: Option<String>,
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    let list = Feed::new(arguments.url, arguments.session, &settings)?.read().await?;
    if arguments.json {
        return output::json(&list);
    }
    out!("{list}");
    Ok(())
}
