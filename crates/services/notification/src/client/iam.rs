//! Users, looked up in iam over gRPC with this service's identity.

use async_trait::async_trait;
use contracts::ids::UserId;
use contracts::proto::user::v1::{GetUserRequest, user_service_client::UserServiceClient};
use platform::grpc::Peer;
use tonic::Code;

use super::{Unavailable, Users};

/// The provider name of the notification method that this service serves.
const PROVIDER: &str = "telegram";

#[derive(Clone)]
pub struct GrpcUsers {
    client: UserServiceClient<Peer>,
}

impl GrpcUsers {
    /// `iam` must carry this service's identity.
    pub fn new(iam: Peer) -> Self {
        Self { client: UserServiceClient::new(iam) }
    }
}

#[async_trait]
impl Users for GrpcUsers {
    async fn chat(&self, user: UserId) -> Result<Option<String>, Unavailable> {
        let request = GetUserRequest { user_uuid: user.to_string() };
        match self.client.clone().get_user(request).await {
            Ok(response) => {
                let methods = response.into_inner().user.and_then(|user| user.info).unwrap_or_default();
                let mut methods = methods.notification_methods.into_iter();
                let method = methods.find(|method| method.provider_name == PROVIDER && !method.target.is_empty());
                Ok(method.map(|method| method.target))
            }
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(Unavailable(format!("{:?}: {}", status.code(), status.message()))),
        }
    }
}
