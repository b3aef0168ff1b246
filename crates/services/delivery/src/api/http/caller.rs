//! Decides which orders a caller may see. The guard has already decided which endpoints the caller may call.

use contracts::ids::UserId;
use platform::auth::{Caller, OpenCaller};

/// Returns the only user whose orders the caller may see, or `None` if the caller may see all orders, also those
/// without a user: a service, an operator (whose access is recorded), or any caller of an open API.
pub fn sees_orders_of(caller: &OpenCaller) -> Option<UserId> {
    match caller.known() {
        Some(Caller::User(user)) if !caller.may_operate() => Some(UserId::new(user.uuid)),
        _ => None,
    }
}
