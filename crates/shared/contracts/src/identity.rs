//! Session lookup at iam, for the guard in front of every other service's API.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use platform::{
    auth::{Credential, Guard, Rule, SessionError, Sessions, User},
    config::ConfigError,
    grpc::{Carries, Peer, is_refused, is_transient},
    outage::refused,
    retry::Budget,
    server::Server,
};
use serde::Deserialize;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::{
    ports,
    proto::auth::v1::{
        ListOwnersRequest, SessionOwner, SessionState, session_owner_service_client::SessionOwnerServiceClient,
    },
};

/// The role of users who operate the system, as in the `roles` of a [`User`](crate::proto::common::v1::User).
pub const OPERATOR: &str = "operator";
/// The services that call others for users; operations does for a user that its audit registers.
pub const FOR_USERS: &[&str] = &["console", "operations"];
/// The provider of notification methods whose targets are Telegram chats.
pub const TELEGRAM: &str = "telegram";

/// The maximum size of the sessions and tokens in one call: half of the maximum message size of 256 KiB.
const MAX_CALL_BYTES: usize = 128 * 1024;

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

    /// The guard opens its own channel to iam.
    pub fn guard(&self, server: &Server, rules: &'static [Rule]) -> anyhow::Result<Guard> {
        Ok(server.guard(Arc::new(GrpcSessions::new(self.iam(server)?)), rules).for_users(FOR_USERS))
    }
}

/// There is no cache, because every service must refuse a session once iam has acknowledged its logout.
#[derive(Clone)]
pub struct GrpcSessions {
    iam: SessionOwnerServiceClient<Peer>,
    budget: Budget,
}

impl GrpcSessions {
    pub fn new(iam: Peer) -> Self {
        Self { iam: SessionOwnerServiceClient::new(iam), budget: Budget::new("iam") }
    }
}

#[async_trait]
impl Sessions for GrpcSessions {
    async fn owner(&self, credential: &Credential) -> Result<User, SessionError> {
        let found = self.owners(std::slice::from_ref(credential)).await.pop();
        found.unwrap_or(Err(SessionError::Unavailable))
    }

    async fn owners(&self, credentials: &[Credential]) -> Vec<Result<User, SessionError>> {
        // A client has made up a session that is not a uuid. It could make the message too large and so fail others'
        // look-ups, so it is not sent to iam. The guard has already bounded the length of tokens.
        let is_sent = |credential: &Credential| match credential {
            Credential::Session(session) => Uuid::try_parse(session).is_ok(),
            Credential::Token(_) => true,
        };
        let (sent, places): (Vec<_>, Vec<_>) = credentials
            .iter()
            .enumerate()
            .filter(|(_, credential)| is_sent(credential))
            .map(|(place, credential)| (credential, place))
            .unzip();
        let mut found = vec![Err(SessionError::Invalid); credentials.len()];
        let owners = join_all(messages(&sent).map(|message| self.look_up(message))).await;
        for (place, owner) in places.into_iter().zip(owners.into_iter().flatten()) {
            found[place] = owner;
        }
        found
    }
}

/// Splits the credentials into one group per call, of at most [`MAX_CALL_BYTES`] bytes each. The sessions of a whole
/// look-up fit into one call.
fn messages<'a>(credentials: &'a [&'a Credential]) -> impl Iterator<Item = &'a [&'a Credential]> {
    let mut bytes = 0;
    credentials.chunk_by(move |credential, next| {
        bytes += credential.as_str().len();
        let fits = bytes + next.as_str().len() <= MAX_CALL_BYTES;
        bytes *= usize::from(fits);
        fits
    })
}

impl GrpcSessions {
    async fn look_up(&self, credentials: &[&Credential]) -> Vec<Result<User, SessionError>> {
        let response = self
            .budget
            .retry(is_transient, || {
                let mut client = self.iam.clone();
                let sessions = credentials.iter().map(|credential| credential.as_str().to_owned()).collect();
                let mut request = Request::new(ListOwnersRequest { sessions });
                request.extensions_mut().insert(Carries(credentials.len()));
                async move { client.list_owners(request).await }
            })
            .await;
        match response {
            Ok(response) if response.get_ref().owners.len() == credentials.len() => {
                response.into_inner().owners.iter().map(decode).collect()
            }
            Ok(_) => vec![Err(SessionError::Unavailable); credentials.len()],
            Err(status) => vec![Err(unavailable(&status)); credentials.len()],
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
        refused("iam unavailable, session rejected", format!("{:?}: {}", status.code(), status.message()));
    }
    SessionError::Unavailable
}
