//! `Check`, Envoy's external authorization: finds the user of a request at the gateway, or denies the request.
//!
//! It reads the same headers as a guard and looks the session up as `ListOwners` does. The gateway adds the user's uuid
//! and login to the request as headers. No service trusts these headers: each looks the session up itself.

use std::{collections::HashMap, time::Duration};

use contracts::{
    checkout::{WithError, is_checkout_path},
    proto::{
        envoy::service::auth::v3::{
            CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpStatus,
            OkHttpResponse, authorization_server::Authorization, check_response::HttpResponse,
            header_value_option::HeaderAppendAction,
        },
        google::rpc,
    },
};
use platform::{
    auth::{AuthRefusal, SESSION_HEADER, user_credential},
    clock, error_chain,
    http::problem,
    outage::refused,
};
use tokio::time::Instant;
use tonic::{
    Code, Request, Response, Status,
    codegen::http::{HeaderMap, HeaderName, HeaderValue as Value, StatusCode, header},
};

use super::Grpc;
use crate::{error::Error, metrics, model::SessionUser, service::IamService};

const READ: [HeaderName; 2] = [header::AUTHORIZATION, HeaderName::from_static(SESSION_HEADER)];
const USER_UUID: &str = "x-user-uuid";
const USER_LOGIN: &str = "x-user-login";

#[tonic::async_trait]
impl Authorization for Grpc {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let http = request.into_inner().attributes.and_then(|attributes| attributes.request?.http);
        let http = http.unwrap_or_default();
        let mut counted = Counted { begun: Instant::now(), outcome: None };
        match user(&self.service, &http.headers).await {
            Ok(user) => {
                counted.outcome = Some("allowed");
                Ok(Response::new(allowed(user)))
            }
            Err(AuthRefusal::Unavailable | AuthRefusal::TooMany) => {
                counted.outcome = Some("unavailable");
                Err(Status::unavailable("sessions cannot be checked now"))
            }
            Err(refusal) => {
                counted.outcome = Some("denied");
                Ok(Response::new(denied(refusal, &http.path)))
            }
        }
    }
}

/// A check that Envoy cancels after this time counts as `unavailable`. Envoy waits for 0.5 s.
const SLOW_FROM: Duration = Duration::from_millis(250);

/// Counts a check when it is dropped. Envoy cancels a check that takes too long, and responds with 503 itself. It also
/// cancels the check of a client that disconnects, which is not counted.
struct Counted {
    begun: Instant,
    outcome: Option<&'static str>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let slow = || (self.begun.elapsed() >= SLOW_FROM).then_some("unavailable");
        if let Some(outcome) = self.outcome.or_else(slow) {
            metrics::authz_check(outcome);
        }
    }
}

async fn user(service: &IamService, headers: &HashMap<String, String>) -> Result<SessionUser, AuthRefusal> {
    let mut read = HeaderMap::new();
    for name in READ {
        if let Some(value) = headers.get(name.as_str()) {
            read.insert(name, Value::try_from(value).map_err(|_| AuthRefusal::InvalidSession)?);
        }
    }
    let credential =
        service.credential(&user_credential(&read)?, clock::now()).map_err(|_| AuthRefusal::InvalidSession)?;
    service.session_user(credential).await.map_err(|error| match error {
        Error::InvalidSession => AuthRefusal::InvalidSession,
        error => {
            refused("session lookup unavailable", error_chain(error));
            AuthRefusal::Unavailable
        }
    })
}

fn allowed(user: SessionUser) -> CheckResponse {
    let uuid = set(USER_UUID, user.id.to_string());
    let login = user.login.map(|login| set(USER_LOGIN, login));
    let headers_to_remove = if login.is_none() { vec![USER_LOGIN.to_owned()] } else { Vec::new() };
    let headers = [uuid].into_iter().chain(login).collect();
    CheckResponse {
        status: Some(rpc::Status::default()),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse { headers, headers_to_remove })),
    }
}

/// Denies a request. `path` includes the query.
fn denied(refusal: AuthRefusal, path: &str) -> CheckResponse {
    let problem = refusal.problem();
    let message = problem.message.clone();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let body = if is_checkout_path(path) {
        serde_json::to_string(&WithError::from(&problem)).unwrap_or_default()
    } else {
        String::from_utf8(problem.body()).unwrap_or_default()
    };
    let response = DeniedHttpResponse {
        status: Some(HttpStatus { code: StatusCode::UNAUTHORIZED.as_u16().into() }),
        headers: vec![set("content-type", problem::MEDIA_TYPE.to_owned()), set("x-auth-status", "denied".to_owned())],
        body,
    };
    CheckResponse {
        status: Some(rpc::Status { code: Code::Unauthenticated.into(), message, details: Vec::new() }),
        http_response: Some(HttpResponse::DeniedResponse(response)),
    }
}

fn set(name: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: name.to_owned(), value }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}
