//! `Login`: verifies a login and password, and opens a session.

use std::net::IpAddr;

use contracts::proto::auth::v1::{LoginRequest, LoginResponse};
use platform::{clock, random};
use tonic::{Request, Response, Status};

use super::record_refusal;
use crate::{
    error::Error,
    metrics,
    model::{LoginAttempt, Password, SessionId},
    service::IamService,
};

pub async fn handle(
    service: &IamService,
    address: IpAddr,
    request: Request<LoginRequest>,
) -> Result<Response<LoginResponse>, Status> {
    let LoginRequest { login, password } = request.into_inner();
    let attempt = LoginAttempt::new(login, address).map_err(Error::from)?;
    let password = Password::given("password", password).map_err(Error::from)?;
    let id = SessionId::from_bits(random::secret());

    let opened = service.login(&attempt, password, id, random::secret(), clock::now()).await;
    metrics::login(&opened);
    opened.inspect_err(record_refusal)?;

    Ok(Response::new(LoginResponse { session_uuid: id.to_string() }))
}
