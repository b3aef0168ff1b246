//! A stand-in for iam.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use contracts::proto::{
    auth::v1::{LoginRequest, LoginResponse, WhoamiRequest, WhoamiResponse, auth_service_server::AuthService},
    common::v1::User,
    user::v1::{RegisterRequest, RegisterResponse, user_service_server::UserService},
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
}

#[tonic::async_trait]
impl UserService for Iam {
    async fn register(&self, _: tonic::Request<RegisterRequest>) -> Result<Response<RegisterResponse>, Status> {
        Ok(Response::new(RegisterResponse { user_uuid: USER.to_string() }))
    }
}
