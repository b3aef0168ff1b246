//! Reads a user's statement.

use contracts::ids::UserId;
use platform::{auth::Caller, cursor::Cursor};

use super::PaymentService;
use crate::{error::Error, repository::PaymentPage};

impl PaymentService {
    /// Returns a page of the user's payments. A user may read only their own; a service may read any.
    pub async fn statement(
        &self,
        caller: &Caller,
        user: UserId,
        after: Option<Cursor>,
        size: u32,
    ) -> Result<PaymentPage, Error> {
        if !caller.may_see(user.uuid()) {
            return Err(Error::AnotherUser);
        }
        self.payments.page(user, after, size).await
    }
}
