//! Decides which orders a caller may see. Which endpoints it may call, the guard has decided already.

use contracts::ids::UserId;
use platform::auth::{Caller, OpenCaller};

/// Returns the user to whose orders the caller is restricted; `None` for one who sees all: a service, an operator, which is recorded, or any
/// caller of an open API. Baskets and trial orders have no user.
pub fn sees_orders_of(caller: &OpenCaller) -> Option<UserId> {
    match caller.known() {
        Some(Caller::User(user)) if !caller.may_operate() => Some(UserId::new(user.uuid)),
        _ => None,
    }
}
