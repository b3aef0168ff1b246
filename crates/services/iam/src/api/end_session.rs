//! `EndSession`: ends one session of the caller. An operator may end one session of another user.

use contracts::proto::auth::v1::{EndSessionRequest, EndSessionResponse};
use tonic::{Request, Response, Status};

use super::subject::{user_of, user_uuid};
use crate::{error::Error, model::ShortId, service::IamService};

pub async fn handle(
    service: &IamService,
    request: Request<EndSessionRequest>,
) -> Result<Response<EndSessionResponse>, Status> {
    let caller = user_of(&request)?;
    let request = request.into_inner();
    let session = ShortId::parse("id", request.id).map_err(Error::from)?;

    service.end_session(caller, user_uuid(&request.user_uuid)?, &session).await?;

    Ok(Response::new(EndSessionResponse {}))
}
