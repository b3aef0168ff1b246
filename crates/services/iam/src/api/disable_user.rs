//! `DisableUser` and `EnableUser`: an operator ends a user's sessions and refuses its logins, or admits them again.

use contracts::{
    ids::UserId,
    proto::user::v1::{DisableUserRequest, DisableUserResponse, EnableUserRequest, EnableUserResponse},
};
use platform::{clock, grpc::parse_uuid};
use tonic::{Request, Response, Status};

use super::subject::user_of;
use crate::service::IamService;

pub async fn disable(
    service: &IamService,
    request: Request<DisableUserRequest>,
) -> Result<Response<DisableUserResponse>, Status> {
    let operator = user_of(&request)?;
    let DisableUserRequest { user_uuid, reason } = request.into_inner();
    let user = UserId::new(parse_uuid("user_uuid", &user_uuid)?);

    service.disable_user(operator, user, &reason, clock::now()).await?;

    Ok(Response::new(DisableUserResponse {}))
}

pub async fn enable(
    service: &IamService,
    request: Request<EnableUserRequest>,
) -> Result<Response<EnableUserResponse>, Status> {
    let operator = user_of(&request)?;
    let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

    service.enable_user(operator, user, clock::now()).await?;

    Ok(Response::new(EnableUserResponse {}))
}
