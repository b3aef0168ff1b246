//! What the user may do with an order. Statements repeat of this rule only what another writer may have changed since
//! the order was read.

use serde::Serialize;

use super::{IllegalTransition, Order, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    Pay,
    Cancel,
}

impl Action {
    pub const ALL: &[Self] = &[Self::Pay, Self::Cancel];
}

impl Order {
    /// Fails with the reason for which the action is refused now.
    pub fn check(&self, action: Action) -> Result<(), IllegalTransition> {
        match (action, self.status, self.attempt) {
            (Action::Pay | Action::Cancel, Status::PendingPayment, None) => Ok(()),
            // The attempt may still charge the order.
            (_, Status::PendingPayment, Some(_)) => Err(IllegalTransition::PaymentInProgress),
            (_, status, _) => Err(IllegalTransition::Status(status)),
        }
    }

    pub fn allowed_actions(&self) -> Vec<Action> {
        Action::ALL.iter().copied().filter(|action| self.check(*action).is_ok()).collect()
    }
}
