//! [`Loans`] in memory.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;
use tokio::time::Instant;

use super::{Due, LoanRow, MemoryRepository, Tables};
use crate::{
    error::Error,
    model::{KycStatus, Loan, LoanId, LoanStatus, NewLoan},
    repository::{Decided, Loans, MAX_LOANS, Position},
};

#[async_trait]
impl Loans for MemoryRepository {
    async fn receive(&self, new: &NewLoan) -> Result<Option<LoanStatus>, Error> {
        let mut tables = self.tables();
        if let Some(row) = tables.loans.get(&new.id) {
            let same = row.loan.customer == new.customer && row.loan.amount == new.amount;
            return if same { Ok(None) } else { Err(Error::LoanIdReused) };
        }
        let status = LoanStatus::for_customer(tables.status(new.customer));
        let (id, customer, amount) = (new.id.clone(), new.customer, new.amount);
        let loan = Loan { id, customer, amount, status, received_at: self.clock.now() };
        let known = tables.customers.get(&new.customer).filter(|_| status != LoanStatus::Held);
        let version = known.map(|known| known.customer.version);
        tables.loans.insert(new.id.clone(), LoanRow { loan, version, received: Instant::now(), due: Due::now() });
        Ok(Some(status))
    }

    async fn decide_held(&self, before: Option<&Position>, limit: i64) -> Result<Decided, Error> {
        let mut tables = self.tables();
        let mut page = tables.held();
        page.retain(|position| before.is_none_or(|before| position < before));
        page.reverse();
        Ok(tables.decide_page(page, limit, |tables, row| match tables.status(row.loan.customer) {
            None | Some(KycStatus::Pending) => LoanStatus::Held,
            status => LoanStatus::for_customer(status),
        }))
    }

    async fn refuse_unknown(&self, hold: Duration, after: Option<&Position>, limit: i64) -> Result<Decided, Error> {
        let mut tables = self.tables();
        let mut page = tables.held();
        page.retain(|position| after.is_none_or(|after| position > after));
        Ok(tables.decide_page(page, limit, |tables, row| match tables.status(row.loan.customer) {
            None if row.received.elapsed() > hold => LoanStatus::Refused,
            _ => LoanStatus::Held,
        }))
    }

    async fn due_credits(&self, limit: i64) -> Result<Vec<(Loan, Duration)>, Error> {
        let now = Instant::now();
        let mut tables = self.tables();
        let due = tables.loans.values_mut();
        let mut due: Vec<_> = due.filter(|row| row.loan.status == LoanStatus::Crediting && row.due.at <= now).collect();
        due.sort_by_key(|row| (row.due.tries, row.due.at));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due.into_iter().map(|row| (row.loan.clone(), row.due.take())).collect())
    }

    async fn credited(&self, loan: &LoanId) -> Result<bool, Error> {
        let mut tables = self.tables();
        let Some(row) = tables.loans.get_mut(loan) else { return Ok(false) };
        let is_new = row.loan.status == LoanStatus::Crediting;
        if is_new {
            row.loan.status = LoanStatus::Credited;
        }
        Ok(is_new)
    }

    async fn list(&self, customer: UserId) -> Result<Vec<Loan>, Error> {
        let tables = self.tables();
        let own = tables.loans.values().filter(|row| row.loan.customer == customer);
        let mut loans: Vec<Loan> = own.map(|row| row.loan.clone()).collect();
        loans.sort_by_key(|loan| (loan.received_at, loan.id.clone()));
        loans.truncate(usize::try_from(MAX_LOANS).unwrap_or(usize::MAX));
        Ok(loans)
    }
}

impl Tables {
    /// The positions of the held loans, in the order of receipt.
    fn held(&self) -> Vec<Position> {
        let held = self.loans.values().filter(|row| row.loan.status == LoanStatus::Held);
        let mut positions: Vec<_> =
            held.map(|row| Position { received_at: row.loan.received_at, loan_id: row.loan.id.to_string() }).collect();
        positions.sort_unstable();
        positions
    }

    /// Decides those of the first `limit` loans of `page` for which `status` returns another status than held.
    fn decide_page(
        &mut self,
        mut page: Vec<Position>,
        limit: i64,
        status: impl Fn(&Self, &LoanRow) -> LoanStatus,
    ) -> Decided {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut decided = Decided::default();
        page.truncate(limit);
        for loan in page.iter().filter_map(|position| LoanId::new(position.loan_id.as_str())) {
            let Some(status) = self.loans.get(&loan).map(|row| status(self, row)) else { continue };
            let count = self.decide(&loan, status);
            if status == LoanStatus::Crediting { decided.crediting += count } else { decided.refused += count }
        }
        Decided { next: page.pop().filter(|_| page.len() + 1 >= limit), ..decided }
    }
}
