//! Session lookup at iam. The guard in front of every other service's API uses it.

use std::sync::Arc;

use async_trait::async_trait;
use platform::{
    auth::{Guard, Rule, SessionError, Sessions, User},
    config::ConfigError,
    grpc::{Peer, is_refused, is_transient},
    retry::Budget,
    server::Server,
};
use serde::Deserialize;
use tonic::Code;

use crate::{
    ports,
    proto::auth::v1::{WhoamiRequest, auth_service_client::AuthServiceClient},
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
    /// Opens a channel to iam. Calls on it carry no service token.
    pub fn iam(&self, server: &Server) -> Result<Peer, ConfigError> {
        server.channel("iam", "IAM_ADDRESS", &self.iam_address)
    }

    /// Creates the guard in front of the API of `server`. The guard opens its own channel to iam.
    pub fn guard(&self, server: &Server, rules: &'static [Rule]) -> anyhow::Result<Guard> {
        Ok(server.guard(Arc::new(GrpcSessions::new(self.iam(server)?)), rules))
    }
}

/// Looks up each session at iam. There is no cache, because every service must refuse a session once iam has acknowledged its logout.
#[derive(Clone)]
pub struct GrpcSessions {
    client: AuthServiceClient<Peer>,
    budget: Budget,
}

impl GrpcSessions {
    pub fn new(iam: Peer) -> Self {
        Self { client: AuthServiceClient::new(iam), budget: Budget::new("iam") }
    }
}

#[async_trait]
impl Sessions for GrpcSessions {
    async fn owner(&self, session: &str) -> Result<User, SessionError> {
        let answer = self
            .budget
            .retry(is_transient, || {
                let mut client = self.client.clone();
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
            // The circuit breaker logged the outage once, when it opened.
            Err(status) if is_refused(&status) => Err(SessionError::Unavailable),
            Err(status) => {
                tracing::warn!(code = ?status.code(), message = status.message(), "iam unavailable, session rejected");
                Err(SessionError::Unavailable)
            }
        }
    }
}
