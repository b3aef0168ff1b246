//! Decides which orders a caller may see. The guard has already decided which endpoints the caller may call.

use contracts::ids::UserId;
use platform::auth::{Caller, OpenCaller};

/// Returns the user whose orders alone the caller may see, or `None` if the caller may see all orders: a service, an operator (whose access
/// is recorded), or any caller of an open API. Baskets and trial orders have no user.
pub fn sees_orders_of(caller: &OpenCaller) -> Option<UserId> {
    match caller.known() {
        Some(Caller::User(user)) if !caller.may_operate() => Some(UserId::new(user.uuid)),
        _ => None,
    }
}
