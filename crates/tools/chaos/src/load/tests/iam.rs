//! A stand-in for iam.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use contracts::proto::{
    auth::v1::{
        GetJwksRequest, GetJwksResponse, IssueTokenRequest, IssueTokenResponse, LoginRequest, LoginResponse,
        LogoutAllRequest, LogoutAllResponse, LogoutRequest, LogoutResponse, WhoamiRequest, WhoamiResponse,
        auth_service_server::AuthService,
    },
    common::v1::User,
    user::v1::{
        ChangeContactsRequest, ChangeContactsResponse, ChangePasswordRequest, ChangePasswordResponse,
        DeleteAccountRequest, DeleteAccountResponse, DisableUserRequest, DisableUserResponse, EnableUserRequest,
        EnableUserResponse, GetUserRequest, GetUserResponse, RegisterRequest, RegisterResponse,
        user_service_server::UserService,
    },
};
use tonic::{Response, Status};
use uuid::Uuid;

pub use contracts::proto::{
    auth::v1::auth_service_server::AuthServiceServer, user::v1::user_service_server::UserServiceServer,
};

/// The user of every registration and session.
pub const USER: Uuid = Uuid::from_u128(7);

/// An iam that registers every caller as the same user, and opens the sessions `session-1`, `session-2` and so on.
#[derive(Clone, Default)]
pub struct Iam(Arc<AtomicUsize>);

#[tonic::async_trait]
impl AuthService for Iam {
    async fn login(&self, _: tonic::Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Response::new(LoginResponse { session_uuid: format!("session-{number}") }))
    }

    async fn whoami(&self, _: tonic::Request<WhoamiRequest>) -> Result<Response<WhoamiResponse>, Status> {
        let user = User { uuid: USER.to_string(), ..User::default() };
        Ok(Response::new(WhoamiResponse { session: None, user: Some(user) }))
    }

    async fn logout(&self, _: tonic::Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn logout_all(&self, _: tonic::Request<LogoutAllRequest>) -> Result<Response<LogoutAllResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn issue_token(&self, _: tonic::Request<IssueTokenRequest>) -> Result<Response<IssueTokenResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_jwks(&self, _: tonic::Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl UserService for Iam {
    async fn register(&self, _: tonic::Request<RegisterRequest>) -> Result<Response<RegisterResponse>, Status> {
        Ok(Response::new(RegisterResponse { user_uuid: USER.to_string() }))
    }

    async fn get_user(&self, _: tonic::Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn change_password(
        &self,
        _: tonic::Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn change_contacts(
        &self,
        _: tonic::Request<ChangeContactsRequest>,
    ) -> Result<Response<ChangeContactsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn delete_account(
        &self,
        _: tonic::Request<DeleteAccountRequest>,
    ) -> Result<Response<DeleteAccountResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn disable_user(
        &self,
        _: tonic::Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn enable_user(&self, _: tonic::Request<EnableUserRequest>) -> Result<Response<EnableUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
