//! Credits a user's balance, once per reference.

use super::PaymentService;
use crate::{error::Error, model::Credit};

impl PaymentService {
    /// A repeated request has no further effect. A request that repeats a reference with another user or amount is
    /// refused.
    pub async fn credit(&self, credit: &Credit) -> Result<(), Error> {
        let standing = self.providers.credit(credit).await?.ok_or(Error::BalanceTooLarge)?;
        match credit.difference(&standing) {
            Some(field) => Err(Error::AnotherCredit(field)),
            None => Ok(()),
        }
    }
}
