//! `shipyard couriers`: a line for each courier and for each order that waits for one. The console shows them on a map.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use client::trust::Trust;
use contracts::ports;
use platform::config;
use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::data::Data;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub struct Arguments {
    /// Session to send; required if DELIVERY_OPEN is false
    #[arg(long, value_name = "UUID")]
    session: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    x: i32,
    y: i32,
}

#[derive(Deserialize)]
struct Courier {
    name: String,
    location: Location,
    speed: i32,
    order_id: Option<Uuid>,
}

#[derive(Deserialize)]
struct Order {
    id: Uuid,
    location: Location,
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(config::load()?);
    let listens = settings.get("DELIVERY_HTTP_LISTEN").map(|listens| listens.replace("0.0.0.0:", "127.0.0.1:"));
    let url = settings.get("DELIVERY_URL").map(str::to_owned).or(listens);
    let trust = Trust::from_settings(&settings)?;
    let url = trust.url(&url.unwrap_or_else(|| ports::local(ports::DELIVERY_HTTP)))?.to_string();
    let http = trust.http().timeout(REQUEST_TIMEOUT).build()?;
    let url = |path: &str| format!("{}/api/v1/{path}", url.trim_end_matches('/'));
    let session = arguments.session.as_deref();
    let couriers: Vec<Courier> = get(&http, &url("couriers"), session).await?;
    let orders: Vec<Order> = get(&http, &url("orders/active"), session).await?;
    for Courier { name, location: Location { x, y }, speed, order_id } in &couriers {
        let order = order_id.map_or_else(|| "free".to_owned(), |order| format!("carries {order}"));
        // A terminal would obey an escape sequence in a name.
        outln!("courier {} at ({x}, {y}), speed {speed}: {order}", name.escape_debug());
    }
    let is_carried = |order: &Order| couriers.iter().any(|courier| courier.order_id == Some(order.id));
    for Order { id, location: Location { x, y } } in orders.iter().filter(|order| !is_carried(order)) {
        outln!("order {id} to ({x}, {y}): waits for a courier");
    }
    Ok(())
}

async fn get<T: DeserializeOwned>(http: &reqwest::Client, url: &str, session: Option<&str>) -> anyhow::Result<T> {
    let mut request = http.get(url);
    if let Some(session) = session {
        request = request.header("X-Session-Uuid", session);
    }
    let response = request.send().await.map_err(reqwest::Error::without_url);
    let response = response.with_context(|| format!("delivery does not answer at {url}; is a shop running?"))?;
    let status = response.status();
    ensure!(status != StatusCode::UNAUTHORIZED, "delivery wants a session; name yours with --session");
    ensure!(status.is_success(), "delivery answered {status} at {url}");
    let text = response.text().await.with_context(|| format!("reading the answer of {url}"))?;
    serde_json::from_str(&text).with_context(|| format!("{url} is not as delivery answers it"))
}
