//! `ChangePassword`: sets a new password of a session's user and ends the user's other sessions.

use std::net::IpAddr;

use contracts::proto::user::v1::{ChangePasswordRequest, ChangePasswordResponse};
use platform::{clock, random};
use tonic::{Request, Response, Status};

use super::{record_refusal, session_id};
use crate::{
    error::Error,
    model::{LoginAttempt, Password},
    service::IamService,
};

pub async fn handle(
    service: &IamService,
    password_min: usize,
    address: IpAddr,
    request: Request<ChangePasswordRequest>,
) -> Result<Response<ChangePasswordResponse>, Status> {
    let request = request.into_inner();
    let id = session_id(&request.session_uuid)?;
    let old = Password::given("old_password", request.old_password).map_err(Error::from)?;
    let (times, user) = service.whoami(id.into()).await?;
    let session = times.of(id, user);
    let new = Password::chosen(
        "new_password",
        request.new_password,
        [&session.user.info.login, &session.user.info.email],
        password_min,
    )
    .map_err(Error::from)?;
    let attempt = LoginAttempt::new(session.user.info.login.clone(), address).map_err(Error::from)?;

    service
        .change_password(session, &attempt, (old, new), random::secret(), clock::now())
        .await
        .inspect_err(record_refusal)?;

    Ok(Response::new(ChangePasswordResponse {}))
}
