//! `EndUserSessions`: ends all sessions of a user. Only an operator may call it.

use contracts::{
    ids::UserId,
    proto::auth::v1::{EndUserSessionsRequest, EndUserSessionsResponse},
};
use platform::{auth::role_used_on, grpc::parse_uuid};
use tonic::{Request, Response, Status};

use super::subject::user_of;
use crate::service::IamService;

pub async fn handle(
    service: &IamService,
    request: Request<EndUserSessionsRequest>,
) -> Result<Response<EndUserSessionsResponse>, Status> {
    let operator = user_of(&request)?;
    let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);
    role_used_on(user.uuid());

    service.end_user_sessions(operator, user).await?;

    Ok(Response::new(EndUserSessionsResponse {}))
}
