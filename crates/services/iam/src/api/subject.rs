//! Whom a call about sessions comes from, and whom it is about.

use contracts::ids::UserId;
use platform::{
    auth::{Caller, User},
    grpc::{caller, parse_uuid},
};
use tonic::{Request, Status};

/// Returns the user who calls; services are refused.
pub fn user_of<T>(request: &Request<T>) -> Result<User, Status> {
    match caller(request)? {
        Caller::User(user) => Ok(user),
        Caller::Service(_) => Err(Status::permission_denied("this is for users")),
    }
}

/// Returns the user in the request, if it names one.
pub fn user_uuid(text: &str) -> Result<Option<UserId>, Status> {
    if text.is_empty() { Ok(None) } else { parse_uuid("user_uuid", text).map(UserId::new).map(Some) }
}
