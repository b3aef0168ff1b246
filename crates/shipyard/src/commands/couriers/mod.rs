//! `shipyard couriers`: a map of the couriers, redrawn as they move.

mod feed;
mod map;

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use platform::{cli::one_line, config::Settings, server::shutdown::on_signal};

use self::feed::Feed;
use crate::{data::Data, output};

const REDRAW_INTERVAL: Duration = Duration::from_millis(500);
/// Switches to the terminal's second screen and hides the cursor; [`LEAVE`] undoes both.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

#[derive(clap::Args)]
pub struct Arguments {
    /// Print one map and exit; the default if standard output is not a terminal
    #[arg(long)]
    once: bool,
    /// Print the couriers and the active orders as JSON, once
    #[arg(long)]
    json: bool,
    /// URL of delivery's HTTP API (default: DELIVERY_URL, or this machine)
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Session to send; required if DELIVERY_OPEN is false
    #[arg(long, value_name = "UUID")]
    session: Option<String>,
}

/// Redraws the map until a signal arrives. With `--once`, prints it once, or fails if the delivery service does not
/// answer.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    let feed = Feed::new(arguments.url, arguments.session, &settings)?;
    if arguments.json {
        return output::json(&feed.read().await?);
    }
    if arguments.once || !std::io::stdout().is_terminal() {
        let map = feed.read().await?;
        out!("{map}");
        return Ok(());
    }
    write!(std::io::stdout(), "{ENTER}")?;
    let shown = follow(&feed).await;
    write!(std::io::stdout(), "{LEAVE}")?;
    std::io::stdout().flush()?;
    shown
}

async fn follow(feed: &Feed) -> anyhow::Result<()> {
    let stop = on_signal()?;
    let mut interval = tokio::time::interval(REDRAW_INTERVAL);
    let mut map = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = interval.tick() => {}
        }
        let read = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            read = feed.read() => read,
        };
        let remark = match read {
            Ok(read) => {
                map = Some(read);
                "Ctrl-C ends this.".to_owned()
            }
            Err(error) => format!("{}. Trying again.", one_line(&error)),
        };
        let map = map.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut out = std::io::stdout().lock();
        write!(out, "{}", frame(&format!("{map}\n  {remark}\n")))?;
        out.flush()?;
    }
}

/// Draws `text` over the previous frame: clears the rest of each line, and everything below the last one.
fn frame(text: &str) -> String {
    format!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_replaces_the_one_before() {
        assert_eq!(frame("a\nb\n"), "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n\x1b[J");
    }
}
