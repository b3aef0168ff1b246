//! Client of the Telegram Bot API.
//!
//! The URLs of the API contain the bot's token, so no error and no log line contains a URL.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use moka::sync::Cache;
use platform::{
    config::ConfigError,
    error_chain,
    http::{BodyError, read_body},
};
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{BotApi, Incoming, Limits, Message, Notifier, Update};
use crate::model::MessengerError;

/// The 4xx statuses that can concern the message itself (its form, size, text or rate) even if a proxy in front of
/// Telegram sends them.
const ABOUT_THE_MESSAGE: [StatusCode; 5] = [
    StatusCode::BAD_REQUEST,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
];

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The timeout of a call. A long poll may take `LONG_POLL_TIMEOUT` longer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Telegram holds a `getUpdates` call without an update open for this time.
const LONG_POLL_TIMEOUT: Duration = Duration::from_secs(25);
/// The maximum per `getUpdates` call.
const MAX_UPDATES: u64 = 10;
/// Larger than [`MAX_UPDATES`] updates, even if each is a message of maximum length that replies to another.
const MAX_RESPONSE_BYTES: usize = 2 << 20;
/// The maximum number of characters that an error quotes from a response. The error is stored with the
/// notification.
const MAX_QUOTED_LENGTH: usize = 200;
/// The delay after a 429 without `retry_after`.
const DEFAULT_RETRY_DELAY: Duration = Duration::from_secs(5);
/// The capacity of [`Telegram::moved`]. A message to a group's old id that is not in the cache takes two calls.
const MAX_MOVED: u64 = 1_000;
/// The maximum delay after a 429, because Telegram may ask for more than a clock can hold.
const MAX_RETRY_DELAY: Duration = Duration::from_hours(1);

pub struct Telegram {
    http: Client,
    /// The URL up to the bot's token; the method's name is appended after a slash.
    url: SecretString,
    bot: String,
    timeout: Duration,
    /// The new ids of groups that became supergroups.
    moved: Cache<String, String>,
}

/// The envelope of every response.
#[derive(Default, Deserialize)]
struct ApiResponse {
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    /// The new id of a group that became a supergroup.
    migrate_to_chat_id: Option<i64>,
}

/// A call that failed.
struct Failed {
    error: MessengerError,
    /// The chat's new id, if the message was refused because the group became a supergroup.
    supergroup: Option<i64>,
}

impl From<MessengerError> for Failed {
    fn from(error: MessengerError) -> Self {
        Self { error, supergroup: None }
    }
}

impl From<Failed> for MessengerError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

impl Telegram {
    /// Errors name the invalid variable and do not show the token. `timeout` bounds each call; see [`CALL_TIMEOUT`].
    pub fn new(api_url: &str, token: &SecretString, timeout: Duration) -> anyhow::Result<Self> {
        let secret = token.expose_secret();
        let id = secret.split_once(':').map(|(id, _)| id).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        let clean = secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_-".contains(&byte));
        let bot = id.filter(|_| clean).ok_or_else(|| {
            ConfigError::new("TELEGRAM_BOT_TOKEN", "is not a bot's token, which looks like 123456:ABC-DEF")
        })?;
        let api = reqwest::Url::parse(api_url)
            .ok()
            .filter(|url| url.has_host() && ["http", "https"].contains(&url.scheme()))
            .ok_or_else(|| ConfigError::new("TELEGRAM_API_URL", "is not a URL such as https://api.telegram.org"))?;
        let http = platform::http::outside_client_builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // Shorter than the server's idle timeout: a message on a connection that the server has closed would fail
            // as if its response were lost.
            .pool_idle_timeout(Duration::from_secs(20))
            .build()
            .map_err(reqwest::Error::without_url)
            .context("building the HTTP client for Telegram")?;
        let url = format!("{}/bot{secret}", api.as_str().trim_end_matches('/'));
        Ok(Self { http, url: url.into(), bot: bot.to_owned(), timeout, moved: Cache::new(MAX_MOVED) })
    }

    async fn send_to(&self, chat: &str, text: &str, limit: Duration) -> Result<(), Failed> {
        let body = json!({ "chat_id": chat, "text": text });
        self.call("sendMessage", body, limit).await.map(|_: Value| ())
    }

    async fn call<T: DeserializeOwned>(&self, method: &str, body: Value, limit: Duration) -> Result<T, Failed> {
        let request = self.http.post(format!("{}/{method}", self.url.expose_secret())).timeout(limit).json(&body);
        let response = request.send().await.map_err(no_response)?;
        let status = response.status();
        match read_envelope(response).await {
            Ok(envelope) if status.is_success() && envelope.ok => {
                let result = serde_json::from_value(envelope.result);
                result.map_err(|error| MessengerError::Unknown(quoted(&error.to_string())).into())
            }
            Ok(envelope) => {
                let supergroup = envelope.parameters.migrate_to_chat_id;
                Err(Failed { error: rejected(status, &envelope), supergroup })
            }
            Err(problem) if status.is_success() => Err(MessengerError::Unknown(problem).into()),
            // A proxy or gateway refused the call, which proves nothing about the message or its chat.
            Err(_) if status.is_client_error() && !ABOUT_THE_MESSAGE.contains(&status) => {
                let problem = format!("{}: not a response of the Bot API", status.as_u16());
                Err(MessengerError::Unreachable(problem).into())
            }
            Err(_) => Err(rejected(status, &ApiResponse::default()).into()),
        }
    }
}

async fn read_envelope(response: Response) -> Result<ApiResponse, String> {
    let body = read_body(response, MAX_RESPONSE_BYTES).await.map_err(|error| match error {
        BodyError::Lost(error) => explain(error),
        error @ BodyError::TooLarge(_) => error.to_string(),
    })?;
    serde_json::from_slice(&body).map_err(|error| quoted(&error.to_string()))
}

/// Shortens a text from a response to [`MAX_QUOTED_LENGTH`] and drops its control characters, since PostgreSQL stores
/// no NUL.
fn quoted(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(MAX_QUOTED_LENGTH).collect()
}

fn explain(error: reqwest::Error) -> String {
    error_chain(error.without_url())
}

/// Classifies a call without a response. Only a failed connection proves that the message was not accepted.
fn no_response(error: reqwest::Error) -> MessengerError {
    if error.is_connect() || error.is_builder() {
        MessengerError::Unreachable(explain(error))
    } else {
        MessengerError::Unknown(explain(error))
    }
}

/// Classifies an error response, according to <https://core.telegram.org/bots/api#making-requests>.
fn rejected(status: StatusCode, envelope: &ApiResponse) -> MessengerError {
    let problem = format!("{}: {}", status.as_u16(), quoted(&envelope.description));
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            let asked = envelope.parameters.retry_after.map_or(DEFAULT_RETRY_DELAY, Duration::from_secs);
            MessengerError::RateLimited(asked.min(MAX_RETRY_DELAY))
        }
        // The token or the URL is wrong, or another program reads this bot's updates. An operator can correct that, so
        // the message is retried.
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::CONFLICT => MessengerError::Unreachable(problem),
        status if status.is_client_error() => MessengerError::Rejected(problem),
        // A 5xx may come from a gateway that lost the response to an accepted message.
        status if status.is_success() || status.is_server_error() => MessengerError::Unknown(problem),
        _ => MessengerError::Unreachable(problem),
    }
}

#[async_trait]
impl Notifier for Telegram {
    /// Returns Telegram's limits: 30 messages per second overall, and one per second to a chat. See
    /// <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>.
    fn limits(&self) -> Limits {
        Limits { overall: Duration::from_secs(1) / 30, per_chat: Duration::from_secs(1) }
    }

    async fn send(&self, message: &Message<'_>) -> Result<(), MessengerError> {
        self.reply(message.chat, message.text).await
    }

    async fn probe(&self) -> Result<(), MessengerError> {
        let _: Value = self.call("getMe", json!({}), self.timeout).await?;
        Ok(())
    }
}

#[async_trait]
impl BotApi for Telegram {
    fn name(&self) -> &str {
        &self.bot
    }

    async fn updates(&self, from: i64) -> Result<Vec<Update>, MessengerError> {
        let body = json!({ "offset": from, "limit": MAX_UPDATES, "timeout": LONG_POLL_TIMEOUT.as_secs(), "allowed_updates": ["message"] });
        let updates: Vec<Value> = self.call("getUpdates", body, LONG_POLL_TIMEOUT + self.timeout).await?;
        Ok(updates.iter().filter_map(read).collect())
    }

    async fn reply(&self, chat: &str, text: &str) -> Result<(), MessengerError> {
        let (begun, known) = (Instant::now(), self.moved.get(chat));
        let sent = self.send_to(known.as_deref().unwrap_or(chat), text, self.timeout).await;
        let Err(Failed { supergroup: Some(supergroup), .. }) = sent else { return Ok(sent?) };
        tracing::info!("a group became a supergroup, its messages go to its new id");
        let supergroup = supergroup.to_string();
        self.moved.insert(chat.to_owned(), supergroup.clone());
        // Both calls together end before the attempt expires.
        Ok(self.send_to(&supergroup, text, self.timeout.saturating_sub(begun.elapsed())).await?)
    }
}

fn read(update: &Value) -> Option<Update> {
    let message = &update["message"];
    let message = message["chat"]["id"].as_i64().zip(message["text"].as_str()).map(|(chat, text)| Incoming {
        chat: chat.to_string(),
        private: (message["chat"]["type"] == "private").then_some(chat),
        first_name: message["from"]["first_name"].as_str().unwrap_or_default().to_owned(),
        text: text.to_owned(),
    });
    Some(Update { id: update["update_id"].as_i64()?, message })
}
