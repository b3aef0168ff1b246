//! `DeleteAccount`: ends the account of a session's user.

use std::net::IpAddr;

use contracts::proto::user::v1::{DeleteAccountRequest, DeleteAccountResponse};
use platform::{auth::SESSION_METADATA, clock};
use tonic::{Request, Response, Status};

use super::{record_refusal, session_id};
use crate::{
    error::Error,
    model::{LoginAttempt, Password},
    service::AccountService,
};

pub async fn handle(
    accounts: &AccountService,
    address: IpAddr,
    request: Request<DeleteAccountRequest>,
) -> Result<Response<DeleteAccountResponse>, Status> {
    let session = request.metadata().get(SESSION_METADATA).and_then(|session| session.to_str().ok());
    let id = session.and_then(|session| session_id(session).ok()).ok_or(Error::InvalidSession)?;
    let (times, user) = accounts.iam().whoami(id.into()).await?;
    let password = Password::given("password", request.into_inner().password).map_err(Error::from)?;
    let attempt = LoginAttempt::new(user.info.login.clone(), address).map_err(Error::from)?;

    accounts.delete(times.of(id, user), &attempt, password, clock::now()).await.inspect_err(record_refusal)?;

    Ok(Response::new(DeleteAccountResponse {}))
}
