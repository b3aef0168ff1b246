//! The gRPC API, one file per gRPC service.

mod auth;
mod caller_address;
mod check;
mod contacts;
mod encode;
mod guard;
mod sessions;
mod users;

use contracts::{
    ids::UserId,
    proto::{
        DESCRIPTORS,
        auth::v1::{
            auth_service_server::AuthServiceServer, session_owner_service_server::SessionOwnerServiceServer,
            session_service_server::SessionServiceServer,
        },
        envoy::service::auth::v3::authorization_server::AuthorizationServer,
        user::v1::{contact_service_server::ContactServiceServer, user_service_server::UserServiceServer},
    },
};
pub use guard::{OwnSessions, RULES};
use platform::{
    grpc::{Services, parse_uuid},
    security_events::{self, Event},
};
use tonic::Status;

use crate::{
    error::Error,
    model::{SessionId, TrustedProxies},
    service::{AccountService, ContactService, IamService},
};

#[derive(Clone)]
pub struct Grpc {
    service: IamService,
    contacts: ContactService,
    accounts: AccountService,
    settings: Settings,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub proxies: TrustedProxies,
    /// The number of proxies in front of a trusted proxy, between it and the client.
    pub hops: usize,
    /// The minimum length of a new password, in characters.
    pub password_min: usize,
}

pub fn services(
    service: IamService,
    contacts: ContactService,
    accounts: AccountService,
    settings: Settings,
) -> Services {
    let grpc = Grpc { service, contacts, accounts, settings };
    Services::new(DESCRIPTORS)
        .with(AuthServiceServer::new(grpc.clone()))
        .with(SessionServiceServer::new(grpc.clone()))
        .with(SessionOwnerServiceServer::new(grpc.clone()))
        .with(ContactServiceServer::new(grpc.clone()))
        .with(UserServiceServer::new(grpc.clone()))
        // With its own slots, `Check` works during a flood of logins, and logins work during a flood of checks.
        .with_own_slots(AuthorizationServer::new(grpc))
}

fn session_id(session_uuid: &str) -> Result<SessionId, Status> {
    parse_uuid("session_uuid", session_uuid).map(SessionId::from)
}

/// Records a security event if iam refused a password. The event does not contain the reason.
fn record_refusal(error: &Error) {
    if matches!(error, Error::WrongCredentials | Error::TooManyAttempts) {
        security_events::record(Event::LoginRefused {});
    }
}

/// Returns the user that a request names, or `None` if the field is empty.
fn user_uuid(text: &str) -> Result<Option<UserId>, Status> {
    if text.is_empty() { Ok(None) } else { parse_uuid("user_uuid", text).map(UserId::new).map(Some) }
}
