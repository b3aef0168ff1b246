//! The client of the laboratory's playground (`lab playground`), which injects faults into a shop of its own, while the
//! visitor follows an order in the console.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contracts::ids::OrderId;
use platform::http;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_millis(500);
const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// A fault that the visitor chose, or a retry that it caused, as the playground writes it and the console reads it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Incident {
    pub text: String,
    pub begun: DateTime<Utc>,
    /// `None` while it lasts.
    pub ended: Option<DateTime<Utc>>,
    /// The order that it concerns; `None` for all.
    pub order: Option<Uuid>,
    pub is_fault: bool,
}

#[derive(Deserialize)]
struct State {
    incidents: Vec<Incident>,
}

#[derive(Clone)]
pub struct Playground {
    url: Arc<str>,
    client: reqwest::Client,
}

impl Playground {
    /// `url` is the origin of the playground's panel.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self { url: url.into(), client: http::client(TIMEOUT)? })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the incidents that concern an order, the oldest first; none if the playground does not respond.
    pub async fn incidents(&self, order: OrderId) -> Vec<Incident> {
        let mut incidents = self.read().await.unwrap_or_default();
        incidents.retain(|incident| incident.order.is_none_or(|of| of == order.uuid()));
        incidents.sort_by_key(|incident| incident.begun);
        incidents
    }

    async fn read(&self) -> anyhow::Result<Vec<Incident>> {
        let response = self.client.get(format!("{}/state", self.url)).send().await?;
        let body = http::read_body(response, MAX_RESPONSE_BYTES).await?;
        Ok(serde_json::from_slice::<State>(&body)?.incidents)
    }
}
