//! The panel: a page with the faults, which the console embeds, and its state as JSON, which the console reads, too.
//!
//! It listens on loopback alone. Other sites can neither read nor embed it, nor choose a fault, since a POST needs the
//! panel's own `Origin`. A request under another host name (DNS rebinding) gets 421.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{Html, IntoResponse as _, Response},
    routing::{get, post},
};
use chaos::playground::{self, Handle, Refusal};

const PAGE: &str = include_str!("panel.html");
const STYLE: &str = include_str!("panel.css");
const SCRIPT: &str = include_str!("panel.js");

/// Who may call the panel, and who may embed it.
#[derive(Clone)]
struct Access {
    /// The host of every request.
    host: HeaderValue,
    /// The origin of a POST.
    origin: HeaderValue,
    policy: HeaderValue,
}

/// Returns the routes of the panel at `address`, which only the console at `console` may embed.
pub fn router(handle: Handle, address: SocketAddr, console: SocketAddr) -> anyhow::Result<Router> {
    let policy = format!(
        "default-src 'self'; frame-ancestors http://{console}; object-src 'none'; base-uri 'none'; form-action 'none'"
    );
    let access = Access {
        host: address.to_string().try_into()?,
        origin: format!("http://{address}").try_into()?,
        policy: policy.try_into()?,
    };
    Ok(Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/panel.css", get(async || ([(header::CONTENT_TYPE, "text/css")], STYLE)))
        .route("/panel.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT)))
        .route("/state", get(state))
        .route("/faults/{name}", post(choose))
        .with_state(handle)
        .layer(from_fn_with_state(access, guarded)))
}

async fn state(State(handle): State<Handle>) -> Json<playground::State> {
    Json(handle.state())
}

async fn choose(State(handle): State<Handle>, Path(name): Path<String>) -> StatusCode {
    match handle.choose(&name) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(Refusal::Unknown) => StatusCode::NOT_FOUND,
        Err(Refusal::UnderWay) => StatusCode::CONFLICT,
    }
}

async fn guarded(State(access): State<Access>, request: Request, next: Next) -> Response {
    let is_host = has(request.headers(), &header::HOST, &access.host);
    let is_ours = request.method().is_safe() || has(request.headers(), &header::ORIGIN, &access.origin);
    let mut response = if !is_host {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    } else if is_ours {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, access.policy);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Returns true if the header has this value alone.
fn has(headers: &HeaderMap, name: &HeaderName, value: &HeaderValue) -> bool {
    headers.get_all(name).iter().eq([value])
}
