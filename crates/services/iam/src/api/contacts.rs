//! The gRPC service `ContactService`: delegates each RPC to its handler.

use contracts::proto::user::v1::{
    ConfirmContactRequest, ConfirmContactResponse, CreateContactCodeRequest, CreateContactCodeResponse,
    contact_service_server::ContactService,
};
use tonic::{Request, Response, Status};

use super::{Grpc, confirm_contact, create_contact_code};

#[tonic::async_trait]
impl ContactService for Grpc {
    async fn create_contact_code(
        &self,
        request: Request<CreateContactCodeRequest>,
    ) -> Result<Response<CreateContactCodeResponse>, Status> {
        create_contact_code::handle(&self.contacts, &request).await
    }

    async fn confirm_contact(
        &self,
        request: Request<ConfirmContactRequest>,
    ) -> Result<Response<ConfirmContactResponse>, Status> {
        confirm_contact::handle(&self.contacts, request).await
    }
}
