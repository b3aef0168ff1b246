//! The part of the Bot API that a notifier needs.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::chats::{SharedChats, TelegramMode};

/// The delay of a silent response: longer than any client waits.
const SILENT_FOR: Duration = Duration::from_mins(10);
/// A gateway's response in place of the Bot API's; it is not JSON.
const BAD_GATEWAY: &str = "<html><head><title>502 Bad Gateway</title></head></html>";
/// The longest text of a message, in characters.
const MAX_TEXT_LENGTH: usize = 4096;

pub(super) fn router(token: &str, chats: SharedChats) -> Router {
    let id = token.split(':').next().and_then(|id| id.parse::<i64>().ok());
    let me = json!({ "id": id, "is_bot": true, "first_name": "Stand-in", "username": "stand_in_bot" });
    let bot = Router::new()
        .route("/getMe", post(async move || done(&me)))
        .route("/sendMessage", post(send))
        .route("/getUpdates", post(updates))
        .fallback(async || refusal(StatusCode::NOT_FOUND, "Not Found"))
        .layer(middleware::from_fn_with_state(chats.clone(), standing))
        .with_state(chats);
    Router::new()
        .nest(&format!("/bot{token}"), bot)
        .fallback(async || refusal(StatusCode::UNAUTHORIZED, "Unauthorized"))
}

/// Responds to every request with an error while the standing mode is `Broken`.
async fn standing(State(chats): State<SharedChats>, request: Request, next: Next) -> Response {
    let broken = {
        let mut chats = chats.lock();
        let broken = chats.modes.standing == TelegramMode::Broken;
        *chats.met.entry(TelegramMode::Broken).or_default() += usize::from(broken);
        broken
    };
    if broken { broken_down() } else { next.run(request).await }
}

async fn send(State(chats): State<SharedChats>, Json(message): Json<Value>) -> Response {
    let chat = match &message["chat_id"] {
        Value::String(chat) if !chat.is_empty() => chat.clone(),
        Value::Number(chat) => chat.to_string(),
        _ => return refusal(StatusCode::BAD_REQUEST, "Bad Request: chat_id is empty"),
    };
    let text = message["text"].as_str().unwrap_or_default();
    if text.is_empty() {
        return refusal(StatusCode::BAD_REQUEST, "Bad Request: message text is empty");
    }
    if text.chars().count() > MAX_TEXT_LENGTH {
        return refusal(StatusCode::BAD_REQUEST, "Bad Request: message is too long");
    }
    let (mode, id) = {
        let mut chats = chats.lock();
        if let Some(supergroup) = chats.upgraded.get(&chat).copied() {
            chats.moved += 1;
            return moved(supergroup);
        }
        if let Some(left) = chats.limited(&chat) {
            return too_many(left.as_secs() + u64::from(left.subsec_nanos() > 0));
        }
        let mode = chats.next_mode();
        match mode {
            TelegramMode::TooMany { retry_after } => return too_many(retry_after),
            TelegramMode::Forbidden => {
                chats.refuse(chat, text.to_owned());
                return refusal(StatusCode::FORBIDDEN, "Forbidden: bot was blocked by the user");
            }
            TelegramMode::Broken => return broken_down(),
            TelegramMode::Well | TelegramMode::Silent | TelegramMode::BadGateway => {
                (mode, chats.take(chat.clone(), text.to_owned()))
            }
        }
    };
    match mode {
        TelegramMode::Silent => tokio::time::sleep(SILENT_FOR).await,
        TelegramMode::BadGateway => return (StatusCode::BAD_GATEWAY, BAD_GATEWAY).into_response(),
        _ => {}
    }
    done(&json!({ "message_id": id, "chat": { "id": chat.parse::<i64>().ok(), "type": "private" }, "text": text }))
}

/// Returns updates to the bot. A new getUpdates request ends the previous one, since a bot is a single program.
async fn updates(State(chats): State<SharedChats>, Json(asked): Json<Value>) -> Response {
    let wait = Duration::from_secs(asked["timeout"].as_u64().unwrap_or_default());
    let (deadline, offset) = (Instant::now() + wait, asked["offset"].as_i64().unwrap_or_default());
    let (poll, mut news) = {
        let mut chats = chats.lock();
        chats.polls += 1;
        chats.news.send_replace(());
        (chats.polls, chats.news.subscribe())
    };
    loop {
        let found = {
            let mut chats = chats.lock();
            if chats.polls != poll {
                return refusal(StatusCode::CONFLICT, "Conflict: terminated by other getUpdates request");
            }
            chats.updates(offset)
        };
        let none_yet = found.is_empty() && timeout_at(deadline, news.changed()).await.is_ok();
        if !none_yet {
            return done(&found.into());
        }
    }
}

fn done(result: &Value) -> Response {
    Json(json!({ "ok": true, "result": result })).into_response()
}

/// Refuses a message to a group that became a supergroup.
fn moved(supergroup: i64) -> Response {
    let (status, description) = (StatusCode::BAD_REQUEST, "Bad Request: group chat was upgraded to a supergroup chat");
    let parameters = json!({ "migrate_to_chat_id": supergroup });
    let body = json!({ "ok": false, "error_code": 400, "description": description, "parameters": parameters });
    (status, Json(body)).into_response()
}

fn too_many(retry_after: u64) -> Response {
    let (status, description) =
        (StatusCode::TOO_MANY_REQUESTS, format!("Too Many Requests: retry after {retry_after}"));
    let parameters = json!({ "retry_after": retry_after });
    let body = json!({ "ok": false, "error_code": 429, "description": description, "parameters": parameters });
    (status, Json(body)).into_response()
}

fn broken_down() -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn refusal(status: StatusCode, description: &str) -> Response {
    let body = json!({ "ok": false, "error_code": status.as_u16(), "description": description });
    (status, Json(body)).into_response()
}
