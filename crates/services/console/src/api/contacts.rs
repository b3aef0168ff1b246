//! `POST /console/api/contacts`: replaces the user's contacts.

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use contracts::{identity::TELEGRAM, proto::common::v1::NotificationMethod};
use platform::http::problem::Problem;
use tonic::{Code, Status, transport::server::TcpConnectInfo};

use super::{Api, Form, Session, form::see, login::callers, of_status};

/// Replaces the e-mail address and the Telegram chat; an empty value removes the contact. Other contacts are kept.
/// Needs the session itself: an access token is not enough.
pub async fn change(
    State(api): State<Api>,
    session: Session,
    info: Option<Extension<TcpConnectInfo>>,
    headers: HeaderMap,
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

    let callers = callers(info, &headers);
    api.iam.change_contacts(&session, password, email, methods, &callers).await.map_err(|status| refused(&status))?;

    Ok(if form.is_form { see("/console/profile").into_response() } else { StatusCode::NO_CONTENT.into_response() })
}

/// The guard has checked the session, so UNAUTHENTICATED means that the password is wrong.
fn refused(status: &Status) -> Problem {
    match status.code() {
        Code::Unauthenticated => Problem::invalid("password", "is wrong"),
        _ => of_status("iam", status),
    }
}
