//! gRPC clients of iam, with this service's identity: they look up and confirm users' contacts.

use async_trait::async_trait;
use contracts::{
    identity::TELEGRAM,
    ids::UserId,
    proto::user::v1::{
        ConfirmContactRequest, GetUserRequest, contact_service_client::ContactServiceClient,
        user_service_client::UserServiceClient,
    },
};
use platform::grpc::{Peer, Unavailable, is_refusal, reason};
use tonic::Code;

use super::{Confirmation, Contact, Contacts, Users};

#[derive(Clone)]
pub struct GrpcIam {
    users: UserServiceClient<Peer>,
    contacts: ContactServiceClient<Peer>,
}

impl GrpcIam {
    /// Creates the clients. `iam` must carry this service's identity.
    pub fn new(iam: Peer) -> Self {
        Self { users: UserServiceClient::new(iam.clone()), contacts: ContactServiceClient::new(iam) }
    }
}

#[async_trait]
impl Users for GrpcIam {
    async fn contact(&self, user: UserId) -> Result<Option<Contact>, Unavailable> {
        let request = GetUserRequest { user_uuid: user.to_string() };
        match self.users.clone().get_user(request).await {
            Ok(response) => {
                let info = response.into_inner().user.and_then(|user| user.info).unwrap_or_default();
                let methods = info.notification_methods.into_iter();
                let mut methods: Vec<_> = methods
                    .filter(|method| method.provider_name == TELEGRAM && !method.target.is_empty())
                    .map(|method| Contact { chat: method.target, is_confirmed: method.is_confirmed })
                    .collect();
                let chosen = methods.iter().position(|contact| contact.is_confirmed).unwrap_or_default();
                Ok((!methods.is_empty()).then(|| methods.swap_remove(chosen)))
            }
            // The user does not exist, or iam rejects every look-up of this user. A retry would only delay other users'
            // notifications.
            Err(status) if is_refusal(&status) => {
                tracing::info!(user_uuid = %user, code = ?status.code(), "user look-up rejected by iam");
                Ok(None)
            }
            Err(status) => Err(Unavailable::of("iam", &status)),
        }
    }
}

#[async_trait]
impl Contacts for GrpcIam {
    async fn confirm(&self, code: &str, chat: i64) -> Result<Confirmation, Unavailable> {
        let request = ConfirmContactRequest { code: code.to_owned(), chat_id: chat };
        match self.contacts.clone().confirm_contact(request).await {
            Ok(_) => Ok(Confirmation::Confirmed),
            Err(status) => match status.code() {
                Code::NotFound | Code::InvalidArgument => Ok(Confirmation::WrongCode),
                Code::FailedPrecondition => Ok(Confirmation::OtherChat),
                // Without this reason, RESOURCE_EXHAUSTED means that iam is overloaded and has not checked the code.
                Code::ResourceExhausted if reason(&status) == Some("TOO_MANY_CODES") => Ok(Confirmation::TooMany),
                _ => Err(Unavailable::of("iam", &status)),
            },
        }
    }
}
