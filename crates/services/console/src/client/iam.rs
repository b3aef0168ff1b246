//! The client of iam: registrations, logins and sessions.

use contracts::proto::{
    auth::v1::{
        EndSessionRequest, ListSessionsRequest, LoginRequest, LogoutAllRequest, LogoutRequest, SessionSummary,
        WhoamiRequest, auth_service_client::AuthServiceClient, session_service_client::SessionServiceClient,
    },
    common::v1::{NotificationMethod, User, UserInfo},
    user::v1::{
        ChangeContactsRequest, DeleteAccountRequest, RegisterRequest, UserRegistrationInfo,
        user_service_client::UserServiceClient,
    },
};
use platform::{
    auth::{Credential, SESSION_METADATA},
    grpc::Peer,
};
use tonic::{Request, Status, metadata::AsciiMetadataValue};

use super::credential;

/// The metadata with the addresses through which a request came. iam trusts them if this service sends them, and counts
/// logins by one of them.
pub const CALLER: &str = "x-forwarded-for";

#[derive(Clone)]
pub struct Iam {
    logins: AuthServiceClient<Peer>,
    users: UserServiceClient<Peer>,
    auth: AuthServiceClient<Peer>,
    sessions: SessionServiceClient<Peer>,
}

impl Iam {
    /// `as_service` carries this service's identity, without which iam does not trust the addresses in [`CALLER`];
    /// `as_user` forwards the credential of the request.
    pub fn new(as_service: Peer, as_user: Peer) -> Self {
        Self {
            logins: AuthServiceClient::new(as_service.clone()),
            users: UserServiceClient::new(as_service),
            auth: AuthServiceClient::new(as_user.clone()),
            sessions: SessionServiceClient::new(as_user),
        }
    }

    /// Returns the new session. `caller` has the addresses through which the request came.
    pub async fn login(&self, login: String, password: String, caller: &str) -> Result<String, Status> {
        let request = from(caller, LoginRequest { login, password });
        Ok(self.logins.clone().login(request).await?.into_inner().session_uuid)
    }

    pub async fn register(&self, login: String, email: String, password: String, caller: &str) -> Result<(), Status> {
        let info = UserInfo { login, email, notification_methods: Vec::new() };
        let info = UserRegistrationInfo { info: Some(info), password };
        self.users.clone().register(from(caller, RegisterRequest { info: Some(info) })).await?;
        Ok(())
    }

    /// Replaces the contacts of the session's user. `caller` has the addresses through which the request came.
    pub async fn change_contacts(
        &self,
        session: &str,
        password: String,
        email: String,
        notification_methods: Vec<NotificationMethod>,
        caller: &str,
    ) -> Result<(), Status> {
        let request = ChangeContactsRequest { session_uuid: session.to_owned(), password, email, notification_methods };
        self.users.clone().change_contacts(from(caller, request)).await?;
        Ok(())
    }

    /// Ends the account of the session's user. `caller` has the addresses through which the request came.
    pub async fn delete_account(&self, session: &str, password: String, caller: &str) -> Result<(), Status> {
        let mut request = from(caller, DeleteAccountRequest { password });
        let session = AsciiMetadataValue::try_from(session).map_err(|_| Status::unauthenticated("invalid session"))?;
        request.metadata_mut().insert(SESSION_METADATA, session);
        self.users.clone().delete_account(request).await?;
        Ok(())
    }

    /// Returns the user of a session or access token.
    pub async fn user(&self, session: &str) -> Result<User, Status> {
        let request = match credential(session) {
            Credential::Session(session_uuid) => WhoamiRequest { session_uuid, ..WhoamiRequest::default() },
            Credential::Token(access_token) => WhoamiRequest { access_token, ..WhoamiRequest::default() },
        };
        Ok(self.auth.clone().whoami(request).await?.into_inner().user.unwrap_or_default())
    }

    /// Returns the open sessions of the session's user, the newest first.
    pub async fn sessions(&self) -> Result<Vec<SessionSummary>, Status> {
        let request = ListSessionsRequest { user_uuid: String::new() };
        Ok(self.sessions.clone().list_sessions(request).await?.into_inner().sessions)
    }

    /// Ends the session of the caller with this id, as [`sessions`](Self::sessions) lists it.
    pub async fn end_session(&self, id: String) -> Result<(), Status> {
        self.sessions.clone().end_session(EndSessionRequest { id, user_uuid: String::new() }).await?;
        Ok(())
    }

    pub async fn logout(&self, session: &str) -> Result<(), Status> {
        self.auth.clone().logout(LogoutRequest { session_uuid: session.to_owned() }).await?;
        Ok(())
    }

    pub async fn logout_all(&self, session: &str) -> Result<(), Status> {
        self.auth.clone().logout_all(LogoutAllRequest { session_uuid: session.to_owned() }).await?;
        Ok(())
    }
}

fn from<T>(caller: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Ok(caller) = AsciiMetadataValue::try_from(caller) {
        request.metadata_mut().insert(CALLER, caller);
    }
    request
}
