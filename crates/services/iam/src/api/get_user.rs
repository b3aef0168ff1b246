//! `GetUser`: returns a user. Only that user and services may read it.

use contracts::{
    ids::UserId,
    proto::user::v1::{GetUserRequest, GetUserResponse},
};
use platform::grpc::{caller, parse_uuid};
use tonic::{Request, Response, Status};

use super::encode;
use crate::service::IamService;

pub async fn handle(
    service: &IamService,
    request: Request<GetUserRequest>,
) -> Result<Response<GetUserResponse>, Status> {
    let caller = caller(&request)?;
    let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

    let user = service.find(&caller, user).await?;

    Ok(Response::new(GetUserResponse { user: Some(encode::user(user)) }))
}
