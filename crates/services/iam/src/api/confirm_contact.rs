//! `ConfirmContact`: confirms the Telegram contact of a code's user. Only the notification service, which runs the bot, may call it.

use contracts::proto::user::v1::{ConfirmContactRequest, ConfirmContactResponse};
use platform::clock;
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    model::{ChatId, ContactCode},
    service::ContactService,
};

pub async fn handle(
    contacts: &ContactService,
    request: Request<ConfirmContactRequest>,
) -> Result<Response<ConfirmContactResponse>, Status> {
    let request = request.into_inner();
    let code = ContactCode::parse("code", &request.code).map_err(Error::from)?;
    let chat = ChatId::private("chat_id", request.chat_id).map_err(Error::from)?;

    contacts.confirm(code, chat, clock::now()).await?;

    Ok(Response::new(ConfirmContactResponse {}))
}
