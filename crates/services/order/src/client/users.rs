//! The client of iam that looks up users, with this service's identity: the trait, the gRPC client and an in-memory
//! implementation.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use contracts::ids::UserId;
use contracts::proto::user::v1::{GetUserRequest, user_service_client::UserServiceClient};
use platform::{
    grpc::{Peer, is_transient},
    retry::Budget,
};
use tonic::Code;

use crate::error::Error;

#[async_trait]
pub trait Users: Send + Sync {
    /// Returns the user's login, or `None` if iam does not know the user.
    async fn login(&self, user: UserId) -> Result<Option<String>, Error>;
}

#[derive(Clone)]
pub struct GrpcUsers {
    client: UserServiceClient<Peer>,
    budget: Budget,
}

impl GrpcUsers {
    /// Creates the client. The calls of `iam` must carry this service's identity.
    pub fn new(iam: Peer) -> Self {
        Self { client: UserServiceClient::new(iam), budget: Budget::new("iam") }
    }
}

#[async_trait]
impl Users for GrpcUsers {
    async fn login(&self, user: UserId) -> Result<Option<String>, Error> {
        let response = self
            .budget
            .retry(is_transient, || {
                let (mut client, user_uuid) = (self.client.clone(), user.to_string());
                async move { client.get_user(GetUserRequest { user_uuid }).await }
            })
            .await;
        match response {
            Ok(response) => Ok(response.into_inner().user.and_then(|user| user.info).map(|info| info.login)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(Error::Unavailable("iam", status.into())),
        }
    }
}

/// Users and their logins in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryUsers {
    logins: Arc<Mutex<BTreeMap<UserId, String>>>,
}

impl MemoryUsers {
    pub fn register(&self, user: UserId, login: &str) {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).insert(user, login.to_owned());
    }
}

#[async_trait]
impl Users for MemoryUsers {
    async fn login(&self, user: UserId) -> Result<Option<String>, Error> {
        Ok(self.logins.lock().unwrap_or_else(PoisonError::into_inner).get(&user).cloned())
    }
}
