//! Asking whose a session is.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use proto::auth::v1::{WhoamiRequest, auth_service_client::AuthServiceClient};
use tonic::Code;
use uuid::Uuid;

use crate::{
    grpc::{Peer, is_refused, is_transient},
    retry::Budget,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("invalid session")]
    Invalid,
    /// Never a pass.
    #[error("sessions cannot be checked now")]
    Unavailable,
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// The user whose living session this is.
    async fn owner(&self, session: &str) -> Result<Uuid, SessionError>;
}

/// Asks iam, each time: a session must work nowhere once its logout is acknowledged, so nothing is kept.
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
    async fn owner(&self, session: &str) -> Result<Uuid, SessionError> {
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
                answer.into_inner().user.and_then(|user| user.uuid.parse().ok()).ok_or(SessionError::Unavailable)
            }
            Err(status) if matches!(status.code(), Code::Unauthenticated | Code::InvalidArgument) => {
                Err(SessionError::Invalid)
            }
            // Said once, when the breaker opened.
            Err(status) if is_refused(&status) => Err(SessionError::Unavailable),
            Err(status) => {
                tracing::warn!(code = ?status.code(), message = status.message(), "iam cannot be asked");
                Err(SessionError::Unavailable)
            }
        }
    }
}

/// Sessions in memory, for tests and the simulation.
#[derive(Default)]
pub struct MemorySessions {
    owners: Mutex<HashMap<String, Uuid>>,
}

impl MemorySessions {
    /// Makes `session` one of `user`.
    pub fn open(&self, session: &str, user: Uuid) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).insert(session.to_owned(), user);
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn owner(&self, session: &str) -> Result<Uuid, SessionError> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(session).copied().ok_or(SessionError::Invalid)
    }
}
