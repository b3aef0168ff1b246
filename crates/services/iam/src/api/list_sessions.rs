//! `ListSessions`: returns the caller's open sessions. An operator may list those of another user.

use contracts::proto::auth::v1::{ListSessionsRequest, ListSessionsResponse, SessionSummary};
use platform::{auth::SESSION_METADATA, grpc::timestamp};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::subject::{user_of, user_uuid};
use crate::{model::SessionId, service::IamService};

pub async fn handle(
    service: &IamService,
    request: Request<ListSessionsRequest>,
) -> Result<Response<ListSessionsResponse>, Status> {
    let (caller, of) = (user_of(&request)?, user_uuid(&request.get_ref().user_uuid)?);

    let sessions = service.list_sessions(caller, of).await?;

    let current = request.metadata().get(SESSION_METADATA).and_then(|id| id.to_str().ok());
    let current = current.and_then(|id| Uuid::try_parse(id).ok()).map(|id| SessionId::from(id).digest().short());
    let sessions = sessions.into_iter().map(|session| SessionSummary {
        is_current: current.as_ref() == Some(&session.id),
        id: session.id.to_string(),
        created_at: Some(timestamp(session.created_at)),
        used_at: Some(timestamp(session.used_at)),
        expires_at: Some(timestamp(session.expires_at)),
    });
    Ok(Response::new(ListSessionsResponse { sessions: sessions.collect() }))
}
