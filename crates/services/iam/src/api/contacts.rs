//! The gRPC service `ContactService`: confirms the Telegram contacts of users.

use contracts::{
    ids::UserId,
    proto::user::v1::{
        ConfirmContactRequest, ConfirmContactResponse, CreateContactCodeRequest, CreateContactCodeResponse,
        contact_service_server::ContactService,
    },
};
use platform::{
    clock,
    grpc::{timestamp, user},
    random,
};
use tonic::{Request, Response, Status};

use super::Grpc;
use crate::{
    error::Error,
    model::{CODE_LIFETIME, ChatId, ContactCode},
};

#[tonic::async_trait]
impl ContactService for Grpc {
    /// Creates a code that confirms the caller's Telegram contact.
    async fn create_contact_code(
        &self,
        request: Request<CreateContactCodeRequest>,
    ) -> Result<Response<CreateContactCodeResponse>, Status> {
        let user = UserId::new(user(&request)?.uuid);
        let code = ContactCode::from_bits(random::secret());
        let expires_at = clock::now() + CODE_LIFETIME;

        self.contacts.create_code(user, code).await?;

        Ok(Response::new(CreateContactCodeResponse { code: code.to_string(), expires_at: Some(timestamp(expires_at)) }))
    }

    /// Confirms the Telegram contact of a code's user. Only the notification service, which runs the bot, may call it.
    async fn confirm_contact(
        &self,
        request: Request<ConfirmContactRequest>,
    ) -> Result<Response<ConfirmContactResponse>, Status> {
        let request = request.into_inner();
        let code = ContactCode::parse("code", &request.code).map_err(Error::from)?;
        let chat = ChatId::private("chat_id", request.chat_id).map_err(Error::from)?;

        self.contacts.confirm(code, chat, clock::now()).await?;

        Ok(Response::new(ConfirmContactResponse {}))
    }
}
