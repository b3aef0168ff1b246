//! `ListOwners`: returns the users of several sessions and access tokens.

use contracts::proto::auth::v1::{
    ListOwnersRequest, ListOwnersResponse, SessionOwner, SessionState,
    session_owner_service_server::SessionOwnerService,
};
use platform::{auth, clock, error_chain, grpc, outage::refused};
use tonic::{Request, Response, Status};

use super::{Grpc, encode, session_id};
use crate::{error::Error, model::Credential, service::IamService};

/// The maximum number of sessions and tokens in a request.
const MAX_SESSIONS: usize = 1_000;

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
    if sessions.len() > MAX_SESSIONS {
        return Err(grpc::invalid("sessions", format!("must have at most {MAX_SESSIONS} entries")));
    }

    let mut credentials = Vec::with_capacity(sessions.len());
    for session in &sessions {
        credentials.push(credential(service, session).await);
    }
    let valid: Vec<_> = credentials.iter().copied().flatten().collect();
    let mut found = service.owners(&valid).await?.into_iter();
    let owners = credentials.iter().map(|credential| owner(credential.and_then(|_| found.next())));

    Ok(Response::new(ListOwnersResponse { owners: owners.collect() }))
}

/// Reads a session's uuid or an access token. Returns `None` for anything else, and for an invalid token.
async fn credential(service: &IamService, text: &str) -> Option<Credential> {
    if let Ok(id) = session_id(text) {
        return Some(id.into());
    }
    // Verifying a signature takes some 0.1 ms of CPU time. Yielding lets other calls run between the signatures of one
    // request.
    tokio::task::yield_now().await;
    service.token(text, clock::now()).ok()
}

/// Encodes the owner of a session. `None` stands for a malformed session id or an invalid token.
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
            refused("session lookup unavailable", error_chain(error));
            without_user(SessionState::Unspecified)
        }
    }
}
