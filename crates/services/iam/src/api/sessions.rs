//! The gRPC services of sessions: `SessionService` for users and operators, `SessionOwnerService` for other services.

use contracts::{
    ids::UserId,
    proto::auth::v1::{
        EndSessionRequest, EndSessionResponse, EndUserSessionsRequest, EndUserSessionsResponse, ListOwnersRequest,
        ListOwnersResponse, ListSessionsRequest, ListSessionsResponse, SessionOwner, SessionState, SessionSummary,
        UnlockLoginRequest, UnlockLoginResponse, session_owner_service_server::SessionOwnerService,
        session_service_server::SessionService,
    },
};
use platform::{
    auth::{self, SESSION_METADATA, role_used_on},
    clock, error_chain,
    grpc::{self, parse_uuid, timestamp, user},
    outage::refused,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Grpc, encode, user_uuid};
use crate::{
    error::Error,
    model::{Credential, SessionId, ShortId},
    service::IamService,
};

#[tonic::async_trait]
impl SessionService for Grpc {
    /// Returns the caller's open sessions. An operator may list those of another user.
    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let (caller, of) = (user(&request)?, user_uuid(&request.get_ref().user_uuid)?);

        let sessions = self.service.list_sessions(caller, of).await?;

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

    /// Ends one session of the caller. An operator may end one session of another user.
    async fn end_session(&self, request: Request<EndSessionRequest>) -> Result<Response<EndSessionResponse>, Status> {
        let caller = user(&request)?;
        let request = request.into_inner();
        let session = ShortId::parse("id", request.id).map_err(Error::from)?;

        self.service.end_session(caller, user_uuid(&request.user_uuid)?, &session).await?;

        Ok(Response::new(EndSessionResponse {}))
    }

    /// Ends all sessions of a user. Only an operator may call it.
    async fn end_user_sessions(
        &self,
        request: Request<EndUserSessionsRequest>,
    ) -> Result<Response<EndUserSessionsResponse>, Status> {
        let operator = user(&request)?;
        let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);
        role_used_on(user.uuid());

        self.service.end_user_sessions(operator, user).await?;

        Ok(Response::new(EndUserSessionsResponse {}))
    }

    /// Unlocks a login that wrong passwords have locked. Only an operator may call it.
    async fn unlock_login(
        &self,
        request: Request<UnlockLoginRequest>,
    ) -> Result<Response<UnlockLoginResponse>, Status> {
        let operator = user(&request)?;

        self.service.unlock_login(operator, &request.get_ref().login).await?;

        Ok(Response::new(UnlockLoginResponse {}))
    }
}

/// The maximum number of sessions and tokens that one request looks up.
const MAX_SESSIONS: usize = 1_000;

#[tonic::async_trait]
impl SessionOwnerService for Grpc {
    /// Returns the users of several sessions and access tokens.
    async fn list_owners(&self, request: Request<ListOwnersRequest>) -> Result<Response<ListOwnersResponse>, Status> {
        let sessions = request.into_inner().sessions;
        if sessions.len() > MAX_SESSIONS {
            return Err(grpc::invalid("sessions", format!("must have at most {MAX_SESSIONS} entries")));
        }

        let mut credentials = Vec::with_capacity(sessions.len());
        for session in &sessions {
            credentials.push(credential(&self.service, session).await);
        }
        let valid: Vec<_> = credentials.iter().copied().flatten().collect();
        let mut found = self.service.owners(&valid).await?.into_iter();
        let owners = credentials.iter().map(|credential| owner(credential.and_then(|_| found.next())));

        Ok(Response::new(ListOwnersResponse { owners: owners.collect() }))
    }
}

/// Reads a session's uuid or an access token. Returns `None` for anything else, and for an invalid token.
async fn credential(service: &IamService, text: &str) -> Option<Credential> {
    if let Ok(id) = Uuid::try_parse(text) {
        return Some(SessionId::from(id).into());
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
