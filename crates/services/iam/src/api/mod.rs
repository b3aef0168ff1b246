//! The gRPC API, one file per RPC.

mod change_password;
mod encode;
mod get_user;
mod guard;
mod login;
mod logout;
mod logout_all;
mod origin;
mod register;
mod whoami;

use contracts::proto::{
    DESCRIPTORS,
    auth::v1::{
        LoginRequest, LoginResponse, LogoutAllRequest, LogoutAllResponse, LogoutRequest, LogoutResponse, WhoamiRequest,
        WhoamiResponse,
        auth_service_server::{AuthService, AuthServiceServer},
    },
    user::v1::{
        ChangePasswordRequest, ChangePasswordResponse, GetUserRequest, GetUserResponse, RegisterRequest,
        RegisterResponse,
        user_service_server::{UserService, UserServiceServer},
    },
};
pub use guard::{OwnSessions, access};
use platform::grpc::{Services, parse_uuid};
use tonic::{Request, Response, Status};

use crate::{model::SessionId, service::IamService};

pub struct Grpc {
    service: IamService,
}

/// The gRPC services that the server serves.
pub fn services(service: IamService) -> Services {
    Services::new(DESCRIPTORS)
        .with(AuthServiceServer::new(Grpc { service: service.clone() }))
        .with(UserServiceServer::new(Grpc { service }))
}

fn session_id(session_uuid: &str) -> Result<SessionId, Status> {
    parse_uuid("session_uuid", session_uuid).map(SessionId::from)
}

#[tonic::async_trait]
impl AuthService for Grpc {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        login::handle(&self.service, request).await
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
}

#[tonic::async_trait]
impl UserService for Grpc {
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<RegisterResponse>, Status> {
        register::handle(&self.service, request).await
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        get_user::handle(&self.service, request).await
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        change_password::handle(&self.service, request).await
    }
}
