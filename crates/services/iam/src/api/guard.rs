//! The access rules of the RPCs, and the session lookup of this service's own guard, which needs no call over gRPC.

use async_trait::async_trait;
use platform::{
    auth::{Credential, Rule, SessionError, Sessions, User},
    clock, error_chain,
    outage::refused,
};

use crate::{error::Error, service::IamService};

/// RPCs that open a session, or whose request message contains the session, are public: they need no session in the
/// metadata.
pub const RULES: &[Rule] = &[
    Rule::public("/auth.v1.AuthService/Login"),
    Rule::public("/auth.v1.AuthService/Whoami"),
    Rule::public("/auth.v1.AuthService/Logout"),
    Rule::public("/auth.v1.AuthService/LogoutAll"),
    Rule::public("/auth.v1.AuthService/IssueToken"),
    Rule::public("/auth.v1.AuthService/GetJwks"),
    Rule::session("/auth.v1.SessionService/ListSessions", &[]),
    Rule::session("/auth.v1.SessionService/EndSession", &[]),
    Rule::operator("/auth.v1.SessionService/EndUserSessions", &[]),
    Rule::operator("/auth.v1.SessionService/UnlockLogin", &[]),
    Rule::services("/auth.v1.SessionOwnerService/ListOwners", GUARDED),
    Rule::gateway("/envoy.service.auth.v3.Authorization/Check"),
    Rule::public("/user.v1.UserService/Register"),
    Rule::public("/user.v1.UserService/ChangePassword"),
    Rule::public("/user.v1.UserService/ChangeContacts"),
    // Public, so that the console's identity counts: its user's address is in a header. The method itself checks the
    // session in the metadata.
    Rule::public("/user.v1.UserService/DeleteAccount"),
    Rule::session("/user.v1.UserService/GetUser", &["order", "notification"]),
    Rule::operator("/user.v1.UserService/DisableUser", &[]),
    Rule::operator("/user.v1.UserService/EnableUser", &[]),
    Rule::session("/user.v1.ContactService/CreateContactCode", &[]),
    Rule::services("/user.v1.ContactService/ConfirmContact", &["notification"]),
];

/// The services whose guard looks up sessions at iam: all but iam, which uses its own store, and geo, which no user
/// calls.
const GUARDED: &[&str] = &[
    "inventory",
    "order",
    "payment",
    "assembly",
    "notification",
    "delivery",
    "customers",
    "intake",
    "console",
    "operations",
];

pub struct OwnSessions(pub IamService);

#[async_trait]
impl Sessions for OwnSessions {
    async fn owner(&self, credential: &Credential) -> Result<User, SessionError> {
        let credential = self.0.credential(credential, clock::now()).map_err(|_| SessionError::Invalid)?;
        match self.0.owner(credential).await {
            Ok(user) => Ok(user),
            Err(Error::InvalidSession) => Err(SessionError::Invalid),
            Err(error) => {
                refused("session lookup unavailable", error_chain(error));
                Err(SessionError::Unavailable)
            }
        }
    }
}
