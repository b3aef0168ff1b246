//! Reads the calling user of a session RPC, and the user whose sessions the request names.

use contracts::ids::UserId;
use platform::{
    auth::{Caller, User},
    grpc::{caller, parse_uuid},
};
use tonic::{Request, Status};

/// Returns the calling user. Fails if a service calls.
pub fn user_of<T>(request: &Request<T>) -> Result<User, Status> {
    match caller(request)? {
        Caller::User(user) => Ok(user),
        Caller::Service(_) => Err(Status::permission_denied("only users may call this method")),
    }
}

/// Returns the user that a request names, or `None` if the field is empty.
pub fn user_uuid(text: &str) -> Result<Option<UserId>, Status> {
    if text.is_empty() { Ok(None) } else { parse_uuid("user_uuid", text).map(UserId::new).map(Some) }
}
