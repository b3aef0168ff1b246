//! The use of the role `operator` by a change: recorded once the handler names the object, or else when it ends.

use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use crate::security_events::{self, Event};

tokio::task_local! {
    /// The use of the role by the request that is being handled.
    pub(super) static ROLE_USE: RoleUse;
}

pub(super) struct RoleUse {
    user: Uuid,
    path: String,
    is_recorded: AtomicBool,
}

impl RoleUse {
    pub(super) fn new(user: Uuid, path: String) -> Self {
        Self { user, path, is_recorded: AtomicBool::new(false) }
    }

    fn record(&self, of: Option<Uuid>, name: Option<&str>) {
        if !self.is_recorded.swap(true, Ordering::Relaxed) {
            security_events::record(Event::RoleUsed { user: self.user, path: &self.path, of, of_name: name });
        }
    }
}

impl Drop for RoleUse {
    fn drop(&mut self) {
        self.record(None, None);
    }
}

/// Records what the operator's request is about to change. Handlers of operators' methods call it before the change;
/// without a use of the role it does nothing.
pub fn role_used_on(object: Uuid) {
    let _ = ROLE_USE.try_with(|role| role.record(Some(object), None));
}

/// Like [`role_used_on`], for an object that has a name, such as a topic. It must not be the name of a person.
pub fn role_used_on_name(name: &str) {
    let _ = ROLE_USE.try_with(|role| role.record(None, Some(name)));
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::telemetry::MemoryLog;

    #[tokio::test]
    async fn a_use_of_the_role_is_recorded_once_with_the_object_that_the_handler_names() {
        let (log, _guard) = MemoryLog::capture(Level::INFO);
        let (user, order) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let role_use = |path: &str| RoleUse::new(user, path.to_owned());

        ROLE_USE.scope(role_use("/refund"), async { role_used_on(order) }).await;
        ROLE_USE.scope(role_use("/replay"), async { role_used_on_name("order.paid") }).await;
        ROLE_USE.scope(role_use("/audit"), std::future::ready(())).await;
        role_used_on(order);

        let log = log.text();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("role_used")).collect();
        assert_eq!(lines.len(), 3, "{log}");
        assert!(lines[0].contains("/refund") && lines[0].contains(&order.to_string()), "{log}");
        assert!(lines[1].contains("/replay") && lines[1].contains("order.paid"), "{log}");
        assert!(lines[2].contains("/audit") && !lines[2].contains("of_"), "{log}");
    }
}
