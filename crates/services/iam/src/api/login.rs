//! `Login`: opens a session for a login and password.

use contracts::proto::auth::v1::{LoginRequest, LoginResponse};
use platform::clock;
use tonic::{Request, Response, Status};

use super::origin;
use crate::{
    error::Error,
    model::{LoginAttempt, Password, SessionId},
    service::IamService,
};

pub async fn handle(service: &IamService, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
    let address = origin::of(&request);
    let LoginRequest { login, password } = request.into_inner();
    let attempt = LoginAttempt::new(login, address).map_err(Error::from)?;
    let password = Password::given("password", password).map_err(Error::from)?;
    let id = SessionId::of(rand::random());

    service.login(&attempt, password, id, clock::now()).await?;

    Ok(Response::new(LoginResponse { session_uuid: id.to_string() }))
}
