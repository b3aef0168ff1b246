//! Which orders a caller may see. What it may do, the guard has decided.

use platform::auth::OpenCaller;

use crate::model::Order;

/// Returns true if the order's customer_id is the caller's uuid, for operators, and for every caller of an open API. The login does not
/// count: anyone may register a login that a producer uses.
pub fn sees(caller: &OpenCaller, order: &Order) -> bool {
    caller.user().is_some_and(|user| order.customer_id == user.uuid.to_string()) || caller.may_operate()
}
