//! Decides which orders a caller may see. The guard has already decided which endpoints the caller may call.

use platform::{
    auth::OpenCaller,
    security_events::{self, AccessRefusal, Event},
};

use crate::model::Order;

/// Returns true if the caller may see the order: as the user whose uuid is its customer_id, as an operator, or as any
/// caller of an open API. Ignores the login, because anyone may register a login that a producer uses as customer_id.
/// Records a refusal.
pub fn sees(caller: &OpenCaller, order: &Order) -> bool {
    let owns = caller.user().is_some_and(|user| order.customer_id == user.uuid.to_string());
    let sees = owns || caller.may_operate();
    if let Some(user) = caller.user()
        && !sees
    {
        security_events::record(Event::AccessRefused { user: Some(user.uuid), reason: AccessRefusal::Object });
    }
    sees
}
