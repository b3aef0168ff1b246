//! Customers and loans. Each loan stays held: nothing decides it, and no job runs.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use async_trait::async_trait;
use contracts::ids::UserId;
use customers::{
    client::{CreditError, Credits},
    error::Error,
    model::{Customer, Event, Loan, LoanId, LoanStatus, NewLoan},
    repository::{self, Decided, DueCheck, Known, Loans, Position, Saved},
};
use platform::clock;

use super::locked;

#[derive(Default)]
pub struct Customers {
    customers: Mutex<HashMap<UserId, Known>>,
    loans: Mutex<Vec<Loan>>,
}

#[async_trait]
impl repository::Customers for Customers {
    async fn find(&self, customer: UserId) -> Result<Option<Known>, Error> {
        Ok(locked(&self.customers).get(&customer).cloned())
    }

    async fn save(&self, before: Option<i64>, customer: &Customer, _: &Event) -> Result<Option<Saved>, Error> {
        let (now, mut customers) = (clock::now(), locked(&self.customers));
        if customers.get(&customer.id).map(|known| known.customer.version) != before {
            return Ok(None);
        }
        let known = Known { customer: customer.clone(), created_at: now, updated_at: now };
        customers.insert(customer.id, known);
        Ok(Some(Saved { created_at: now, updated_at: now, crediting: 0, refused: 0 }))
    }

    async fn due_checks(&self, _: i64) -> Result<Vec<DueCheck>, Error> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Loans for Customers {
    async fn receive(&self, new: &NewLoan) -> Result<Option<LoanStatus>, Error> {
        let (mut loans, status) = (locked(&self.loans), LoanStatus::Held);
        if let Some(known) = loans.iter().find(|loan| loan.id == new.id) {
            let is_same = known.customer == new.customer && known.amount == new.amount;
            return if is_same { Ok(None) } else { Err(Error::LoanIdReused) };
        }
        let (id, customer, amount) = (new.id.clone(), new.customer, new.amount);
        loans.push(Loan { id, customer, amount, status, received_at: clock::now() });
        Ok(Some(status))
    }

    async fn decide_held(&self, _: Option<&Position>, _: i64) -> Result<Decided, Error> {
        Ok(Decided::default())
    }

    async fn refuse_unknown(&self, _: Duration, _: Option<&Position>, _: i64) -> Result<Decided, Error> {
        Ok(Decided::default())
    }

    async fn due_credits(&self, _: i64) -> Result<Vec<(Loan, Duration)>, Error> {
        Ok(Vec::new())
    }

    async fn credited(&self, _: &LoanId) -> Result<bool, Error> {
        Ok(false)
    }

    async fn list(&self, customer: UserId) -> Result<Vec<Loan>, Error> {
        Ok(locked(&self.loans).iter().filter(|loan| loan.customer == customer).cloned().collect())
    }
}

/// A payment service that is never asked.
pub struct NoPayment;

#[async_trait]
impl Credits for NoPayment {
    async fn credit(&self, _: &Loan) -> Result<(), CreditError> {
        Ok(())
    }
}
