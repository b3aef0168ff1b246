//! `POST /console/api/me/delete`: ends the user's account.

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use platform::{grpc::reason, http::problem::Problem};
use tonic::{Code, Status, transport::server::TcpConnectInfo};

use super::{Api, Form, Session, login::callers, of_status, session::set_cookie};
use crate::pages;

const ORDERS_OPEN: &str = "ORDERS_OPEN";

/// Needs the password, and the session itself: an access token is not enough.
pub async fn delete(
    State(api): State<Api>,
    session: Session,
    info: Option<Extension<TcpConnectInfo>>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Problem> {
    let (session, password) = (session.into_id()?, form.text("password")?);
    let deleted = api.iam.delete_account(&session, password, &callers(info, &headers)).await;
    deleted.map_err(|status| refused(&status))?;
    let cookie = [set_cookie(None, api.is_secure)];
    Ok(if form.is_form {
        (cookie, pages::account_deleted()).into_response()
    } else {
        (StatusCode::NO_CONTENT, cookie).into_response()
    })
}

/// The guard has checked the session, so UNAUTHENTICATED means that the password is wrong.
fn refused(status: &Status) -> Problem {
    match (status.code(), reason(status)) {
        (Code::Unauthenticated, _) => Problem::invalid("password", "is wrong"),
        (Code::FailedPrecondition, Some(ORDERS_OPEN)) => {
            Problem::new(StatusCode::CONFLICT, ORDERS_OPEN, status.message())
        }
        _ => of_status("iam", status),
    }
}
