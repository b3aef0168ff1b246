//! The gRPC service `SessionService`: delegates each RPC to its handler.

use contracts::proto::auth::v1::{
    EndSessionRequest, EndSessionResponse, EndUserSessionsRequest, EndUserSessionsResponse, ListSessionsRequest,
    ListSessionsResponse, UnlockLoginRequest, UnlockLoginResponse, session_service_server::SessionService,
};
use tonic::{Request, Response, Status};

use super::{Grpc, end_session, end_user_sessions, list_sessions, unlock_login};

#[tonic::async_trait]
impl SessionService for Grpc {
    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        list_sessions::handle(&self.service, request).await
    }

    async fn end_session(&self, request: Request<EndSessionRequest>) -> Result<Response<EndSessionResponse>, Status> {
        end_session::handle(&self.service, request).await
    }

    async fn end_user_sessions(
        &self,
        request: Request<EndUserSessionsRequest>,
    ) -> Result<Response<EndUserSessionsResponse>, Status> {
        end_user_sessions::handle(&self.service, request).await
    }

    async fn unlock_login(
        &self,
        request: Request<UnlockLoginRequest>,
    ) -> Result<Response<UnlockLoginResponse>, Status> {
        unlock_login::handle(&self.service, request).await
    }
}
