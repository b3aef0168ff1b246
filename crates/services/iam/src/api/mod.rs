//! The gRPC API, one file per RPC.

mod caller_address;
mod change_contacts;
mod change_password;
mod check;
mod confirm_contact;
mod contacts;
mod create_contact_code;
mod delete_account;
mod disable_user;
mod encode;
mod end_session;
mod end_user_sessions;
mod get_jwks;
mod get_user;
mod guard;
mod issue_token;
mod list_owners;
mod list_sessions;
mod login;
mod logout;
mod logout_all;
mod register;
mod sessions;
mod subject;
mod unlock_login;
mod whoami;

use contracts::proto::{
    DESCRIPTORS,
    auth::v1::{
        GetJwksRequest, GetJwksResponse, IssueTokenRequest, IssueTokenResponse, LoginRequest, LoginResponse,
        LogoutAllRequest, LogoutAllResponse, LogoutRequest, LogoutResponse, WhoamiRequest, WhoamiResponse,
        auth_service_server::{AuthService, AuthServiceServer},
        session_owner_service_server::SessionOwnerServiceServer,
        session_service_server::SessionServiceServer,
    },
    envoy::service::auth::v3::authorization_server::AuthorizationServer,
    user::v1::{
        ChangeContactsRequest, ChangeContactsResponse, ChangePasswordRequest, ChangePasswordResponse,
        DeleteAccountRequest, DeleteAccountResponse, DisableUserRequest, DisableUserResponse, EnableUserRequest,
        EnableUserResponse, GetUserRequest, GetUserResponse, RegisterRequest, RegisterResponse,
        contact_service_server::ContactServiceServer,
        user_service_server::{UserService, UserServiceServer},
    },
};
pub use guard::{OwnSessions, RULES};
use platform::{
    grpc::{Services, parse_uuid},
    security_events::{self, Event},
};
use tonic::{Request, Response, Status};

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
    /// The number of proxies before a trusted proxy.
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

#[tonic::async_trait]
impl AuthService for Grpc {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        login::handle(&self.service, address, request).await
    }

    async fn whoami(&self, request: Request<WhoamiRequest>) -> Result<Response<WhoamiResponse>, Status> {
        whoami::handle(&self.service, request).await
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        logout::handle(&self.service, request).await
    }

    async fn logout_all(&self, request: Request<LogoutAllRequest>) -> Result<Response<LogoutAllResponse>, Status> {
        logout_all::handle(&self.service, request).await
    }

    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Result<Response<IssueTokenResponse>, Status> {
        issue_token::handle(&self.service, request).await
    }

    async fn get_jwks(&self, _: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        Ok(get_jwks::handle(&self.service))
    }
}

#[tonic::async_trait]
impl UserService for Grpc {
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<RegisterResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        register::handle(&self.service, self.settings.password_min, address, request).await
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        get_user::handle(&self.service, request).await
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        change_password::handle(&self.service, self.settings.password_min, address, request).await
    }

    async fn change_contacts(
        &self,
        request: Request<ChangeContactsRequest>,
    ) -> Result<Response<ChangeContactsResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        change_contacts::handle(&self.service, address, request).await
    }

    async fn delete_account(
        &self,
        request: Request<DeleteAccountRequest>,
    ) -> Result<Response<DeleteAccountResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        delete_account::handle(&self.accounts, address, request).await
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        disable_user::disable(&self.service, request).await
    }

    async fn enable_user(&self, request: Request<EnableUserRequest>) -> Result<Response<EnableUserResponse>, Status> {
        disable_user::enable(&self.service, request).await
    }
}
