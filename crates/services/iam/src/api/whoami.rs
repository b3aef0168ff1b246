//! `Whoami`: returns a session and its user.

use contracts::proto::auth::v1::{WhoamiRequest, WhoamiResponse};
use platform::clock;
use tonic::{Request, Response, Status};

use super::{encode, session_id};
use crate::{error::Error, service::IamService};

pub async fn handle(service: &IamService, request: Request<WhoamiRequest>) -> Result<Response<WhoamiResponse>, Status> {
    let WhoamiRequest { session_uuid, access_token } = request.into_inner();
    let (credential, shown) = match (session_uuid.is_empty(), access_token.is_empty()) {
        (_, true) => {
            let id = session_id(&session_uuid)?;
            (id.into(), id.to_string())
        }
        (true, false) => (service.token(&access_token, clock::now())?, String::new()),
        (false, false) => return Err(Error::InvalidSession.into()),
    };

    let (times, user) = service.whoami(credential).await?;

    let session = encode::session(shown, times);
    Ok(Response::new(WhoamiResponse { session: Some(session), user: Some(encode::user(user)) }))
}
