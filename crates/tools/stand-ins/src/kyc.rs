//! A stand-in for a program that checks identities. It decides by name, and injects faults on request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};

use crate::server::Server;

/// How the stand-in responds to a request to check an identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KycMode {
    /// APPROVED, or REFUSED for a declined name. A retry under the same key gets the same response.
    #[default]
    Well,
    /// Like `Well`, after this delay.
    Slow(Duration),
    /// No response.
    Silent,
    /// The verdict is recorded, but its response is lost: 502.
    Lost,
    /// A response with status 500.
    Broken,
    /// A response that the contract does not define.
    Wrong,
}

/// A server of `POST /check` that runs until it is dropped.
pub struct Kyc {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    mode: KycMode,
    declined: Vec<String>,
    /// Verdicts by key.
    verdicts: HashMap<String, Value>,
    questions: Vec<Value>,
}

impl Kyc {
    pub async fn start() -> anyhow::Result<Self> {
        let state = Arc::<Mutex<State>>::default();
        let router = Router::new().route("/check", post(check)).with_state(state.clone());
        Ok(Self { server: Server::start(router).await?, state })
    }

    /// Returns the URL for `KYC_PROVIDER_URL`.
    pub fn url(&self) -> String {
        format!("{}/check", self.server.url())
    }

    pub fn be(&self, mode: KycMode) {
        locked(&self.state).mode = mode;
    }

    pub fn decline(&self, name: &str) {
        locked(&self.state).declined.push(name.to_owned());
    }

    /// Returns the bodies of the received requests, including retries.
    pub fn questions(&self) -> Vec<Value> {
        locked(&self.state).questions.clone()
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Returns the verdict for the body of a request, always the same for the same key.
    fn verdict(&mut self, question: &Value) -> Value {
        let name = question["name"].as_str().unwrap_or_default();
        let verdict = if self.declined.iter().any(|declined| declined == name) {
            json!({ "outcome": "REFUSED", "reason": format!("{name} is declined") })
        } else {
            json!({ "outcome": "APPROVED" })
        };
        let key = question["key"].as_str().unwrap_or_default().to_owned();
        self.verdicts.entry(key).or_insert(verdict).clone()
    }
}

async fn check(Extract(state): Extract<Arc<Mutex<State>>>, Json(question): Json<Value>) -> Response {
    let mode = {
        let mut state = locked(&state);
        state.questions.push(question.clone());
        state.mode
    };
    match mode {
        KycMode::Well => {}
        KycMode::Slow(time) => tokio::time::sleep(time).await,
        KycMode::Silent => std::future::pending().await,
        KycMode::Lost => {
            locked(&state).verdict(&question);
            return StatusCode::BAD_GATEWAY.into_response();
        }
        KycMode::Broken => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        KycMode::Wrong => return Json(json!({ "outcome": "MAYBE" })).into_response(),
    }
    let verdict = locked(&state).verdict(&question);
    Json(verdict).into_response()
}
