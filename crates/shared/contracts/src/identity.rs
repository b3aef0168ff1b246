//! Session lookup at iam. The guard in front of every other service's API uses it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use platform::{
    auth::{Guard, Rule, SessionError, Sessions, User},
    config::ConfigError,
    grpc::{Peer, is_refused, is_transient},
    retry::Budget,
    server::Server,
};
use serde::Deserialize;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    ports,
    proto::auth::v1::{
        ListOwnersRequest, SessionOwner, SessionState, WhoamiRequest, auth_service_client::AuthServiceClient,
        session_owner_service_client::SessionOwnerServiceClient,
    },
};

/// The name of the role of users who operate the system, as in the `roles` of a [`User`](crate::proto::common::v1::User).
pub const OPERATOR: &str = "operator";

/// The configuration of session lookups.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// The address of iam, `host:port`.
    #[serde(default = "iam")]
    pub iam_address: String,
}

fn iam() -> String {
    ports::local(ports::IAM)
}

impl Config {
    /// Opens a channel to iam. Calls on it carry this service's identity.
    pub fn iam(&self, server: &Server) -> Result<Peer, ConfigError> {
        server.peer("iam", "IAM_ADDRESS", &self.iam_address)
    }

    /// Creates the guard in front of the API of `server`. The guard opens its own channel to iam.
    pub fn guard(&self, server: &Server, rules: &'static [Rule]) -> anyhow::Result<Guard> {
        Ok(server.guard(Arc::new(GrpcSessions::new(self.iam(server)?)), rules))
    }
}

/// Looks up sessions at iam. There is no cache, because every service must refuse a session once iam has acknowledged its logout.
#[derive(Clone)]
pub struct GrpcSessions {
    owners: SessionOwnerServiceClient<Peer>,
    one: AuthServiceClient<Peer>,
    budget: Budget,
}

impl GrpcSessions {
    pub fn new(iam: Peer) -> Self {
        let owners = SessionOwnerServiceClient::new(iam.clone());
        Self { owners, one: AuthServiceClient::new(iam), budget: Budget::new("iam") }
    }
}

#[async_trait]
impl Sessions for GrpcSessions {
    async fn owner(&self, session: &str) -> Result<User, SessionError> {
        let answer = self
            .budget
            .retry(is_transient, || {
                let mut client = self.one.clone();
                let request = WhoamiRequest { session_uuid: session.to_owned() };
                async move { client.whoami(request).await }
            })
            .await;
        match answer {
            Ok(answer) => {
                let user = answer.into_inner().user.ok_or(SessionError::Unavailable)?;
                let is_operator = user.roles.iter().any(|role| role == OPERATOR);
                let uuid = user.uuid.parse().map_err(|_| SessionError::Unavailable)?;
                Ok(User { uuid, is_operator })
            }
            Err(status) if matches!(status.code(), Code::Unauthenticated | Code::InvalidArgument) => {
                Err(SessionError::Invalid)
            }
            Err(status) => Err(unavailable(&status)),
        }
    }

    async fn owners(&self, sessions: &[String]) -> Vec<Result<User, SessionError>> {
        // A session that is no uuid comes from a client that made it up. iam never sees it: it might be too large for a message, which
        // would fail the others' look-ups.
        let (well_formed, places): (Vec<_>, Vec<_>) = sessions
            .iter()
            .enumerate()
            .filter(|(_, session)| Uuid::try_parse(session).is_ok())
            .map(|(place, session)| (session.clone(), place))
            .unzip();
        let mut found = vec![Err(SessionError::Invalid); sessions.len()];
        if !well_formed.is_empty() {
            for (place, owner) in places.into_iter().zip(self.look_up(&well_formed).await) {
                found[place] = owner;
            }
        }
        found
    }
}

impl GrpcSessions {
    async fn look_up(&self, sessions: &[String]) -> Vec<Result<User, SessionError>> {
        let answer = self
            .budget
            .retry(is_transient, || {
                let (mut client, sessions) = (self.owners.clone(), sessions.to_vec());
                async move { client.list_owners(ListOwnersRequest { sessions }).await }
            })
            .await;
        match answer {
            Ok(answer) if answer.get_ref().owners.len() == sessions.len() => {
                answer.into_inner().owners.iter().map(decode).collect()
            }
            // An iam of the release before this RPC, during a rollout.
            Err(status) if status.code() == Code::Unimplemented => {
                join_all(sessions.iter().map(|session| self.owner(session))).await
            }
            Ok(_) => vec![Err(SessionError::Unavailable); sessions.len()],
            Err(status) => vec![Err(unavailable(&status)); sessions.len()],
        }
    }
}

fn decode(owner: &SessionOwner) -> Result<User, SessionError> {
    match owner.state() {
        SessionState::Open => {
            let uuid = owner.user_uuid.parse().map_err(|_| SessionError::Unavailable)?;
            Ok(User { uuid, is_operator: owner.roles.iter().any(|role| role == OPERATOR) })
        }
        SessionState::Ended => Err(SessionError::Invalid),
        SessionState::Unspecified => Err(SessionError::Unavailable),
    }
}

fn unavailable(status: &Status) -> SessionError {
    // The circuit breaker logged the outage once, when it opened.
    if !is_refused(status) {
        tracing::warn!(code = ?status.code(), message = status.message(), "iam unavailable, session rejected");
    }
    SessionError::Unavailable
}
