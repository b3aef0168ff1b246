//! `Logout`: ends a session.

use contracts::proto::auth::v1::{LogoutRequest, LogoutResponse};
use tonic::{Request, Response, Status};

use super::session_id;
use crate::service::IamService;

pub async fn handle(service: &IamService, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
    let id = session_id(&request.get_ref().session_uuid)?;

    service.logout(id).await?;

    Ok(Response::new(LogoutResponse {}))
}
