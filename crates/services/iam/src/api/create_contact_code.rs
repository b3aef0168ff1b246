//! `CreateContactCode`: creates a code that confirms the caller's Telegram contact.

use contracts::{
    ids::UserId,
    proto::user::v1::{CreateContactCodeRequest, CreateContactCodeResponse},
};
use platform::{clock, grpc::timestamp, random};
use tonic::{Request, Response, Status};

use super::subject::user_of;
use crate::{
    model::{CODE_LIFETIME, ContactCode},
    service::ContactService,
};

pub async fn handle(
    contacts: &ContactService,
    request: &Request<CreateContactCodeRequest>,
) -> Result<Response<CreateContactCodeResponse>, Status> {
    let user = UserId::new(user_of(request)?.uuid);
    let code = ContactCode::from_bits(random::secret());
    let expires_at = clock::now() + CODE_LIFETIME;

    contacts.create_code(user, code).await?;

    Ok(Response::new(CreateContactCodeResponse { code: code.to_string(), expires_at: Some(timestamp(expires_at)) }))
}
