//! `LogoutAll`: ends all sessions of a session's user.

use contracts::proto::auth::v1::{LogoutAllRequest, LogoutAllResponse};
use tonic::{Request, Response, Status};

use super::session_id;
use crate::service::IamService;

pub async fn handle(
    service: &IamService,
    request: Request<LogoutAllRequest>,
) -> Result<Response<LogoutAllResponse>, Status> {
    let id = session_id(&request.get_ref().session_uuid)?;

    service.logout_all(id).await?;

    Ok(Response::new(LogoutAllResponse {}))
}
