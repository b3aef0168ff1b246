//! Decides which orders a caller may see. Which endpoints it may call, the guard has decided already.

use contracts::ids::UserId;
use platform::auth::{Caller, OpenCaller};

/// Returns true if the caller may see an order of `user`: as this user, as an operator, or as any caller of an open API. Baskets and trial
/// orders have no user.
pub fn sees_order_of(caller: &OpenCaller, user: Option<UserId>) -> bool {
    let sees = |known: &Caller| known.may_operate() || user.is_some_and(|user| known.may_see(user.uuid()));
    caller.known().is_none_or(sees)
}

/// Returns the user to whose orders the caller is restricted; `None` for a caller who sees all.
pub fn sees_orders_of(caller: &OpenCaller) -> Option<UserId> {
    match caller.known() {
        Some(Caller::User(user)) if !caller.may_operate() => Some(UserId::new(user.uuid)),
        _ => None,
    }
}
