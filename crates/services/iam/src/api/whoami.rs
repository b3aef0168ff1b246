//! `Whoami`: returns a session and its user.

use contracts::proto::auth::v1::{WhoamiRequest, WhoamiResponse};
use tonic::{Request, Response, Status};

use super::{encode, session_id};
use crate::service::IamService;

pub async fn handle(service: &IamService, request: Request<WhoamiRequest>) -> Result<Response<WhoamiResponse>, Status> {
    let id = session_id(&request.get_ref().session_uuid)?;

    let session = service.whoami(id).await?;

    let encoded = encode::session(&session);
    Ok(Response::new(WhoamiResponse { session: Some(encoded), user: Some(encode::user(service, session.user)) }))
}
