//! The user's account: `POST /console/api/login`, `/register`, `/logout`, `/logout-all`, `/sessions/{id}/end`,
//! `/contacts`, `/me/delete`, and `GET /console/api/me`.

use std::{convert::Infallible, net::IpAddr};

use axum::{
    Extension, Json,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use contracts::{
    events::message_json,
    identity::TELEGRAM,
    proto::common::v1::{NotificationMethod, User},
};
use platform::{grpc::reason, http::problem::Problem, listener::forwarded};
use serde_json::Value;
use tonic::{Code, Status, transport::server::TcpConnectInfo};

use super::{
    Api, Form, Session,
    form::see,
    of_status,
    session::{cookie, set_cookie},
};
use crate::{client::CALLER, pages};

const PROFILE: &str = "/console/profile";
const ORDERS_OPEN: &str = "ORDERS_OPEN";
/// The maximum number of addresses that are sent to iam: of up to 99 proxies in front of the gateway, of the browser
/// and of the gateway.
const MAX_CALLERS: usize = 101;

/// The addresses through which a request came: the entries of `X-Forwarded-For` (the caller may have forged the first
/// ones), and then the peer's address. iam counts logins by one of them.
pub struct Callers(String);

impl<S: Sync> FromRequestParts<S> for Callers {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(callers(parts.extensions.get(), &parts.headers)))
    }
}

fn callers(info: Option<&TcpConnectInfo>, headers: &HeaderMap) -> String {
    let peer = info.and_then(|info| info.remote_addr).map(|peer| peer.ip().to_canonical());
    let sent = headers.get_all(CALLER).iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    let sent = sent.map(|entry| forwarded(std::str::from_utf8(entry).ok()?));
    let all: Vec<Option<IpAddr>> = sent.chain([peer]).collect();
    let skipped = all.len().saturating_sub(MAX_CALLERS);
    let texts = all.iter().skip(skipped).map(|ip| ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string()));
    texts.collect::<Vec<_>>().join(", ")
}

pub async fn login(State(api): State<Api>, Callers(callers): Callers, headers: HeaderMap, form: Form) -> Response {
    log_in(&api, &headers, &callers, &form).await.unwrap_or_else(|problem| {
        if form.is_form { pages::login_refused(&problem, &form) } else { problem.into_response() }
    })
}

pub async fn register(State(api): State<Api>, Callers(callers): Callers, headers: HeaderMap, form: Form) -> Response {
    let registered = async {
        let (login, email, password) = (form.text("login")?, form.text("email")?, form.text("password")?);
        api.iam.register(login, email, password, &callers).await.map_err(|status| of_status("iam", &status))?;
        log_in(&api, &headers, &callers, &form).await
    };
    registered.await.unwrap_or_else(|problem: Problem| {
        if form.is_form { pages::register_refused(&problem, &form) } else { problem.into_response() }
    })
}

/// Logs in, and ends the session that the browser had before.
async fn log_in(api: &Api, headers: &HeaderMap, callers: &str, form: &Form) -> Result<Response, Problem> {
    let (login, password) = (form.text("login")?, form.text("password")?);
    let session = api.iam.login(login, password, callers).await.map_err(|status| match status.code() {
        Code::Unauthenticated => {
            Problem::new(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS", "wrong login or password")
        }
        _ => of_status("iam", &status),
    })?;
    end_earlier(api, headers).await;
    let cookie = [set_cookie(Some(&session), api.is_secure)];
    if form.is_form {
        return Ok((cookie, see(form.optional_text("next")?)).into_response());
    }
    let user = api.iam.user(&session).await.map_err(|status| of_status("iam", &status))?;
    Ok((cookie, Json(as_json(&user))).into_response())
}

async fn end_earlier(api: &Api, headers: &HeaderMap) {
    let Some(Ok(earlier)) = cookie(headers).map(|earlier| Session(earlier.to_owned()).into_id()) else { return };
    match api.iam.logout(&earlier).await {
        // A malformed session gives no access.
        Err(status) if status.code() != Code::InvalidArgument => {
            tracing::warn!(code = ?status.code(), "the browser's earlier session was not ended");
        }
        Ok(()) | Err(_) => {}
    }
}

/// Needs the session itself: an access token is not enough.
pub async fn logout(
    State(api): State<Api>,
    session: Option<Extension<Session>>,
    form: Form,
) -> Result<Response, Problem> {
    if let Some(Extension(session)) = session {
        // iam responds with OK for an ended session. A malformed session gives no access, so its refusal counts as a
        // logout.
        match api.iam.logout(&session.into_id()?).await {
            Ok(()) => {}
            Err(status) if status.code() == Code::InvalidArgument => {}
            Err(status) => return Err(of_status("iam", &status)),
        }
    }
    Ok(logged_out(&api, &form))
}

/// Needs the session itself: an access token is not enough.
pub async fn logout_all(State(api): State<Api>, session: Session, form: Form) -> Result<Response, Problem> {
    api.iam.logout_all(&session.into_id()?).await.map_err(|status| of_status("iam", &status))?;
    Ok(logged_out(&api, &form))
}

fn logged_out(api: &Api, form: &Form) -> Response {
    ([set_cookie(None, api.is_secure)], done(form, "/console/login")).into_response()
}

/// Ends one of the user's sessions, by the id that the profile lists.
pub async fn end_session(State(api): State<Api>, Path(id): Path<String>, form: Form) -> Result<Response, Problem> {
    api.iam.end_session(id).await.map_err(|status| of_status("iam", &status))?;
    Ok(done(&form, PROFILE))
}

pub async fn me(State(api): State<Api>, Session(session): Session) -> Result<Response, Problem> {
    let user = api.iam.user(&session).await.map_err(|status| of_status("iam", &status))?;
    Ok(Json(as_json(&user)).into_response())
}

fn as_json(user: &User) -> Value {
    message_json("common.v1.User", user)
}

/// Replaces the e-mail address and the Telegram chat; an empty value removes the contact. Other contacts are kept.
/// Needs the session itself: an access token is not enough.
pub async fn change_contacts(
    State(api): State<Api>,
    session: Session,
    Callers(callers): Callers,
    form: Form,
) -> Result<Response, Problem> {
    let session = session.into_id()?;
    let (email, chat, password) = (form.text("email")?, form.text("telegram")?, form.text("password")?);
    let user = api.iam.user(&session).await.map_err(|status| of_status("iam", &status))?;
    let mut methods = user.info.unwrap_or_default().notification_methods;
    methods.retain(|method| method.provider_name != TELEGRAM);
    let chat = chat.trim();
    if !chat.is_empty() {
        let (provider_name, target) = (TELEGRAM.to_owned(), chat.to_owned());
        methods.insert(0, NotificationMethod { provider_name, target, ..NotificationMethod::default() });
    }
    let changed = api.iam.change_contacts(&session, password, email, methods, &callers).await;
    changed.map_err(|status| not_confirmed(&status))?;
    Ok(done(&form, PROFILE))
}

/// Ends the user's account. Needs the password, and the session itself: an access token is not enough.
pub async fn delete(
    State(api): State<Api>,
    session: Session,
    Callers(callers): Callers,
    form: Form,
) -> Result<Response, Problem> {
    let (session, password) = (session.into_id()?, form.text("password")?);
    let deleted = api.iam.delete_account(&session, password, &callers).await;
    deleted.map_err(|status| not_confirmed(&status))?;
    let response = if form.is_form { pages::account_deleted() } else { StatusCode::NO_CONTENT.into_response() };
    Ok(([set_cookie(None, api.is_secure)], response).into_response())
}

/// Returns the problem of a request with a password. The guard has checked the session, so UNAUTHENTICATED means that
/// the password is wrong.
fn not_confirmed(status: &Status) -> Problem {
    match (status.code(), reason(status)) {
        (Code::Unauthenticated, _) => Problem::invalid("password", "is wrong"),
        (Code::FailedPrecondition, Some(ORDERS_OPEN)) => {
            Problem::new(StatusCode::CONFLICT, ORDERS_OPEN, status.message())
        }
        _ => of_status("iam", status),
    }
}

/// Responds to a form with a redirection to `path`, and to a program with nothing.
fn done(form: &Form, path: &str) -> Response {
    if form.is_form { see(path) } else { StatusCode::NO_CONTENT.into_response() }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn callers_of(peer: &str, lists: &[&[u8]]) -> String {
        let info = TcpConnectInfo { local_addr: None, remote_addr: Some(peer.parse().unwrap()) };
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(CALLER, HeaderValue::from_bytes(list).unwrap());
        }
        callers(Some(&info), &headers)
    }

    #[test]
    fn the_peers_address_follows_those_that_the_request_names() {
        let none: &[&[u8]] = &[];
        for (lists, expected) in [
            (none, "10.0.0.10"),
            (&[b"192.0.2.1"], "192.0.2.1, 10.0.0.10"),
            (&[b"198.51.100.1, 192.0.2.1"], "198.51.100.1, 192.0.2.1, 10.0.0.10"),
            (&[b"198.51.100.1", b"2001:db8::1"], "198.51.100.1, 2001:db8::1, 10.0.0.10"),
            // A value that the caller sends cannot hide the address that the gateway appends.
            (&[b"\xff, 192.0.2.1"], "unknown, 192.0.2.1, 10.0.0.10"),
        ] {
            assert_eq!(callers_of("10.0.0.10:5000", lists), expected);
        }
        assert_eq!(callers(None, &HeaderMap::new()), "unknown");
        let long = ["203.0.113.1"; 1_000].join(",");
        let last = callers_of("10.0.0.10:5000", &[long.as_bytes(), b"192.0.2.1"]);
        assert!(last.ends_with("203.0.113.1, 192.0.2.1, 10.0.0.10") && last.len() < 2_000, "{last}");
    }
}
