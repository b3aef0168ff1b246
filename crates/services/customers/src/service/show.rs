//! Shows customers and their loans.

use contracts::ids::UserId;
use platform::auth::Caller;

use super::CustomerService;
use crate::{error::Error, model::Loan, repository::Known};

impl CustomerService {
    /// Returns a customer. Users see only themselves; operators and services see all.
    pub async fn show(&self, caller: &Caller, id: UserId) -> Result<Known, Error> {
        let known = self.customers.find(id).await?;
        known.filter(|_| may_see(caller, id)).ok_or(Error::NotFound)
    }

    /// Returns the loans of a user, oldest first, even if the user is not a customer.
    pub async fn list_loans(&self, caller: &Caller, id: UserId) -> Result<Vec<Loan>, Error> {
        if !may_see(caller, id) {
            return Err(Error::NotFound);
        }
        self.loans.list(id).await
    }
}

fn may_see(caller: &Caller, id: UserId) -> bool {
    caller.may_see(id.uuid()) || caller.may_operate()
}
