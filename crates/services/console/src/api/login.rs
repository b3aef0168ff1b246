//! `POST /console/api/login`, `/register`, `/logout`, `/logout-all`, `/sessions/{id}/end`, and `GET /console/api/me`.

use std::net::SocketAddr;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use platform::http::problem::Problem;
use tonic::{Code, Status, transport::server::TcpConnectInfo};

use super::{Api, Form, Session, form::see, of_status, session::set_cookie};
use crate::{client::CALLER, pages};

pub async fn login(
    State(api): State<Api>,
    info: Option<Extension<TcpConnectInfo>>,
    headers: HeaderMap,
    form: Form,
) -> Response {
    log_in(&api, &caller(info, &headers), &form).await.unwrap_or_else(|problem| {
        if form.is_form { pages::login_refused(&problem, &form) } else { problem.into_response() }
    })
}

pub async fn register(
    State(api): State<Api>,
    info: Option<Extension<TcpConnectInfo>>,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let caller = caller(info, &headers);
    let registered = async {
        let (login, email, password) = (form.text("login")?, form.text("email")?, form.text("password")?);
        api.iam.register(login, email, password, &caller).await.map_err(|status| of_status("iam", &status))?;
        log_in(&api, &caller, &form).await
    };
    registered.await.unwrap_or_else(|problem: Problem| {
        if form.is_form { pages::register_refused(&problem, &form) } else { problem.into_response() }
    })
}

async fn log_in(api: &Api, caller: &str, form: &Form) -> Result<Response, Problem> {
    let (login, password) = (form.text("login")?, form.text("password")?);
    let session = api.iam.login(login, password, caller).await.map_err(|status| refused(&status))?;
    let cookie = [set_cookie(Some(&session), api.is_secure)];
    if form.is_form {
        return Ok((cookie, see(form.text_or_empty("next"))).into_response());
    }
    let user = api.iam.user_json(&session).await.map_err(|status| of_status("iam", &status))?;
    Ok((cookie, Json(user)).into_response())
}

fn refused(status: &Status) -> Problem {
    match status.code() {
        Code::Unauthenticated => {
            Problem::new(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS", "wrong login or password")
        }
        _ => of_status("iam", status),
    }
}

/// Returns the caller's address: what the gateway says, or the peer's.
pub(super) fn caller(info: Option<Extension<TcpConnectInfo>>, headers: &HeaderMap) -> String {
    let forwarded = headers.get(CALLER).and_then(|value| value.to_str().ok());
    let peer = info.and_then(|Extension(info)| info.remote_addr).as_ref().map(SocketAddr::ip);
    forwarded.map_or_else(|| peer.map(|ip| ip.to_string()).unwrap_or_default(), str::to_owned)
}

pub async fn logout(State(api): State<Api>, session: Option<Extension<Session>>, form: Form) -> Response {
    if let Some(Extension(Session(session))) = session {
        // An ended session is answered with OK; a malformed one opens nothing.
        match api.iam.logout(&session).await {
            Ok(()) => {}
            Err(status) if status.code() == Code::InvalidArgument => {}
            Err(status) => return of_status("iam", &status).into_response(),
        }
    }
    logged_out(&api, &form)
}

pub async fn logout_all(
    State(api): State<Api>,
    Extension(Session(session)): Extension<Session>,
    form: Form,
) -> Response {
    match api.iam.logout_all(&session).await {
        Ok(()) => logged_out(&api, &form),
        Err(status) => of_status("iam", &status).into_response(),
    }
}

/// Ends one of the user's sessions, which the profile lists.
pub async fn end_session(State(api): State<Api>, Path(id): Path<String>, form: Form) -> Response {
    match api.iam.end_session(id).await {
        Ok(()) if form.is_form => see("/console/profile").into_response(),
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(status) => of_status("iam", &status).into_response(),
    }
}

fn logged_out(api: &Api, form: &Form) -> Response {
    let cookie = [set_cookie(None, api.is_secure)];
    if form.is_form {
        (cookie, see("/console/login")).into_response()
    } else {
        (StatusCode::NO_CONTENT, cookie).into_response()
    }
}

pub async fn me(State(api): State<Api>, Extension(Session(session)): Extension<Session>) -> Response {
    match api.iam.user_json(&session).await {
        Ok(user) => Json(user).into_response(),
        Err(status) => of_status("iam", &status).into_response(),
    }
}
