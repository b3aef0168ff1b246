//! The couriers and active orders of a running delivery service, over HTTP.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use client::trust::Trust;
use platform::config::Settings;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use super::list::List;
use contracts::ports;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Feed {
    url: String,
    session: Option<String>,
    http: reqwest::Client,
}

impl Feed {
    /// Reads from the delivery service at `url`, otherwise at `DELIVERY_URL` or at its address on this machine.
    pub fn new(url: Option<String>, session: Option<String>, settings: &Settings) -> anyhow::Result<Self> {
        let url = url.or_else(|| settings.get("DELIVERY_URL").map(str::to_owned)).unwrap_or_else(|| {
            let listens = settings.get("DELIVERY_HTTP_LISTEN").map(str::to_owned);
            let listens = listens.unwrap_or_else(|| ports::local(ports::DELIVERY_HTTP));
            listens.replace("0.0.0.0:", "127.0.0.1:")
        });
        let trust = Trust::from_settings(settings)?;
        let url = trust.url(&url)?.to_string().trim_end_matches('/').to_owned();
        Ok(Self { url, session, http: trust.http().timeout(REQUEST_TIMEOUT).build()? })
    }

    pub async fn read(&self) -> anyhow::Result<List> {
        let (couriers, orders) = tokio::try_join!(self.get("couriers"), self.get("orders/active"))?;
        Ok(List { couriers, orders })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let url = format!("{}/api/v1/{path}", self.url);
        let mut request = self.http.get(&url);
        if let Some(session) = &self.session {
            request = request.header("X-Session-Uuid", session);
        }
        let answer = request.send().await.map_err(reqwest::Error::without_url);
        let answer = answer.with_context(|| format!("delivery does not answer at {}; is a shop running?", self.url))?;
        let status = answer.status();
        ensure!(status != StatusCode::UNAUTHORIZED, "delivery wants a session; name yours with --session");
        ensure!(status.is_success(), "delivery answered {status} at {url}");
        let text = answer.text().await.with_context(|| format!("reading the answer of {url}"))?;
        serde_json::from_str(&text).with_context(|| format!("{url} is not as delivery answers it"))
    }
}
