//! [`Customers`] in memory.

use async_trait::async_trait;
use contracts::ids::UserId;

use super::{Due, MemoryRepository};
use crate::{
    error::Error,
    model::{Customer, Event, KycStatus, LoanStatus},
    repository::{Customers, DueCheck, Known, Saved},
};

#[async_trait]
impl Customers for MemoryRepository {
    async fn find(&self, customer: UserId) -> Result<Option<Known>, Error> {
        Ok(self.tables().customers.get(&customer).cloned())
    }

    async fn save(&self, before: Option<i64>, customer: &Customer, event: &Event) -> Result<Option<Saved>, Error> {
        let mut tables = self.tables();
        let known = tables.customers.get(&customer.id);
        if known.map(|known| known.customer.version) != before {
            return Ok(None);
        }
        let now = self.clock.now();
        let created_at = known.filter(|known| known.customer.status() != KycStatus::Erased);
        let created_at = created_at.map_or(now, |known| known.created_at);
        let row = Known { customer: customer.clone(), created_at, updated_at: now };
        tables.customers.insert(customer.id, row);
        tables.versions.insert((customer.id, event.version), event.status);
        tables.checks.retain(|(checked, _), _| *checked != customer.id);
        if event.status == KycStatus::Pending {
            tables.checks.insert((customer.id, customer.version), Due::now());
        }
        let of_customer = tables.loans.values().filter(|row| row.loan.customer == customer.id);
        let loans: Vec<_> = of_customer.map(|row| row.loan.id.clone()).collect();
        let status = LoanStatus::for_customer(Some(event.status));
        let decided: u64 = loans.iter().map(|loan| tables.decide(loan, status)).sum();
        self.outbox.insert(event.into());
        let (crediting, refused) = if status == LoanStatus::Crediting { (decided, 0) } else { (0, decided) };
        Ok(Some(Saved { created_at, updated_at: now, crediting, refused }))
    }

    async fn due_checks(&self, limit: i64) -> Result<Vec<DueCheck>, Error> {
        let now = tokio::time::Instant::now();
        let mut tables = self.tables();
        let mut due: Vec<_> = tables.checks.iter_mut().filter(|(_, due)| due.at <= now).collect();
        due.sort_by_key(|(_, due)| (due.tries, due.at));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let check = |((customer, version), due): (&(UserId, i64), &mut Due)| DueCheck {
            customer: *customer,
            version: *version,
            lease: due.take(),
        };
        Ok(due.into_iter().map(check).collect())
    }
}
