//! Reads a user's balance.

use contracts::{ids::UserId, money::Money};
use platform::auth::Caller;

use super::PaymentService;
use crate::error::Error;

impl PaymentService {
    /// Returns the user's balance of INVESTOR_MONEY. A user sees their own balance only; a service sees all.
    pub async fn balance(&self, caller: &Caller, user: UserId) -> Result<Money, Error> {
        if !caller.may_see(user.uuid()) {
            return Err(Error::AnotherUser);
        }
        Ok(self.providers.balance(user).await?)
    }
}
