//! Reads a user's balance.

use contracts::{ids::UserId, money::Money};
use platform::auth::Caller;

use super::PaymentService;
use crate::error::Error;

impl PaymentService {
    /// Returns the user's INVESTOR_MONEY balance. A user may read only their own balance; a service may read any.
    pub async fn balance(&self, caller: &Caller, user: UserId) -> Result<Money, Error> {
        if !caller.may_see(user.uuid()) {
            return Err(Error::AnotherUser);
        }
        Ok(self.providers.balance(user).await?)
    }
}
