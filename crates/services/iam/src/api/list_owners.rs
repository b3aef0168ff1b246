//! `ListOwners`: returns the users of several sessions.

use contracts::proto::auth::v1::{
    ListOwnersRequest, ListOwnersResponse, SessionOwner, SessionState,
    session_owner_service_server::SessionOwnerService,
};
use platform::auth;
use tonic::{Request, Response, Status};

use super::{Grpc, encode, session_id};
use crate::{error::Error, service::IamService};

/// The maximum number of sessions of one request.
const SESSIONS: usize = 1_000;

#[tonic::async_trait]
impl SessionOwnerService for Grpc {
    async fn list_owners(&self, request: Request<ListOwnersRequest>) -> Result<Response<ListOwnersResponse>, Status> {
        handle(&self.service, request).await
    }
}

async fn handle(
    service: &IamService,
    request: Request<ListOwnersRequest>,
) -> Result<Response<ListOwnersResponse>, Status> {
    let sessions = request.into_inner().sessions;
    if sessions.len() > SESSIONS {
        return Err(Status::invalid_argument(format!("sessions: has more than {SESSIONS} entries")));
    }

    let ids: Vec<_> = sessions.iter().map(|session| session_id(session).ok()).collect();
    let mut found = service.owners(&ids.iter().copied().flatten().collect::<Vec<_>>()).await?.into_iter();
    let owners = ids.iter().map(|id| owner(id.and_then(|_| found.next())));

    Ok(Response::new(ListOwnersResponse { owners: owners.collect() }))
}

/// Encodes the owner of a session. `None` is a session that is no uuid.
fn owner(found: Option<Result<auth::User, Error>>) -> SessionOwner {
    let without_user = |state: SessionState| SessionOwner { state: state.into(), ..SessionOwner::default() };
    match found {
        Some(Ok(user)) => SessionOwner {
            state: SessionState::Open.into(),
            user_uuid: user.uuid.to_string(),
            roles: encode::roles(user.is_operator),
        },
        None | Some(Err(Error::InvalidSession)) => without_user(SessionState::Ended),
        Some(Err(error)) => {
            tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "session lookup unavailable");
            without_user(SessionState::Unspecified)
        }
    }
}
