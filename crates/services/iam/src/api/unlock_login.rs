//! `UnlockLogin`: unlocks a login that wrong passwords have locked. Only an operator may call it.

use contracts::proto::auth::v1::{UnlockLoginRequest, UnlockLoginResponse};
use tonic::{Request, Response, Status};

use super::subject::user_of;
use crate::service::IamService;

pub async fn handle(
    service: &IamService,
    request: Request<UnlockLoginRequest>,
) -> Result<Response<UnlockLoginResponse>, Status> {
    let operator = user_of(&request)?;

    service.unlock_login(operator, &request.get_ref().login).await?;

    Ok(Response::new(UnlockLoginResponse {}))
}
