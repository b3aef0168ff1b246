//! Shows customers and their loans.

use contracts::ids::UserId;
use platform::auth::Caller;

use super::CustomerService;
use crate::{
    error::Error,
    model::LoanId,
    repository::{Known, LoanPage},
};

/// The names in security events when an operator sees another user's data.
const GET_CUSTOMER: &str = "/customers.v1.CustomerService/GetCustomer";
const LIST_LOANS: &str = "/customers.v1.CustomerService/ListLoans";

impl CustomerService {
    /// Users see only themselves; operators and services see all customers.
    pub async fn show(&self, caller: &Caller, id: UserId) -> Result<Known, Error> {
        let known = self.customers.find(id).await?;
        known.filter(|_| may_see(caller, id, GET_CUSTOMER)).ok_or(Error::NotFound)
    }

    /// Returns a page of the loans of a user, newest first, even if the user is not a customer.
    pub async fn list_loans(
        &self,
        caller: &Caller,
        id: UserId,
        after: Option<&LoanId>,
        size: u32,
    ) -> Result<LoanPage, Error> {
        if !may_see(caller, id, LIST_LOANS) {
            return Err(Error::NotFound);
        }
        self.loans.list(id, after, size).await
    }
}

/// Returns true for the user itself, services and operators. Records an operator's access to another user's data.
fn may_see(caller: &Caller, id: UserId, path: &str) -> bool {
    caller.may_inspect(Some(id.uuid()), id.uuid(), path)
}
