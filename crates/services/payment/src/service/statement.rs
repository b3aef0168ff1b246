//! Reads a user's statement.

use contracts::ids::UserId;
use platform::{auth::Caller, cursor::Cursor};

use super::PaymentService;
use crate::{error::Error, model::Payment};

impl PaymentService {
    /// Returns a page of the user's payments, newest first, and the cursor of the next page if there is one. A user may read only their own
    /// payments; a service may read any.
    pub async fn statement(
        &self,
        caller: &Caller,
        user: UserId,
        after: Option<Cursor>,
        size: u32,
    ) -> Result<(Vec<Payment>, Option<Cursor>), Error> {
        if !caller.may_see(user.uuid()) {
            return Err(Error::AnotherUser);
        }
        let mut payments = self.payments.page(user, after, i64::from(size) + 1).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let next = Cursor::cut(&mut payments, size, |last| Cursor {
            created_at: last.created_at,
            uuid: last.intent.transaction.uuid(),
        });
        Ok((payments, next))
    }
}
