//! `IssueToken`: issues an access token for a session.

use contracts::proto::auth::v1::{IssueTokenRequest, IssueTokenResponse};
use platform::{auth::SESSION_METADATA, clock, grpc::timestamp, random};
use tonic::{Request, Response, Status};

use super::session_id;
use crate::{model::TokenId, service::IamService};

pub async fn handle(
    service: &IamService,
    request: Request<IssueTokenRequest>,
) -> Result<Response<IssueTokenResponse>, Status> {
    let session = match request.get_ref().session_uuid.as_str() {
        "" => request.metadata().get(SESSION_METADATA).and_then(|id| id.to_str().ok()).unwrap_or_default(),
        session => session,
    };
    let session = session_id(session)?;

    let issued = service.issue_token(session, TokenId::from_bits(random::secret()), clock::now()).await?;

    let expires_at = Some(timestamp(issued.expires_at));
    Ok(Response::new(IssueTokenResponse { access_token: issued.token, expires_at }))
}
