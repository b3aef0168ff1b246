//! The demo's customer, who buys a ship with a loan.

use std::time::Duration;

use anyhow::{bail, ensure};
use client::{
    bank::{ApprovedLoan, Bank},
    lending::Lending,
};
use contracts::money::Money;
use platform::{clock, ids};
use tokio::time::{Instant, sleep};

use super::orders::{Order, Visit};

/// An identity must be checked, and a loan credited, within this time.
const DECISION_TIMEOUT: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// An order that costs more than the customer's balance, and the loan that pays for it.
pub struct Purchase<'a> {
    pub visit: &'a Visit<'a>,
    pub lending: &'a Lending,
    pub bank: &'a Bank,
    pub loan_id: String,
}

impl<'a> Purchase<'a> {
    pub fn new(visit: &'a Visit<'a>, lending: &'a Lending, bank: &'a Bank) -> Self {
        Self { visit, lending, bank, loan_id: format!("demo-{}", ids::random()) }
    }

    /// Makes the user a customer, and waits until the identity is checked.
    pub async fn become_customer(&self) -> anyhow::Result<((), String)> {
        let Visit { session, user, .. } = *self.visit;
        let created = self.lending.create(session, "Юрий Гагарин").await?;
        ensure!(created.kyc_status == "KYC_PENDING", "a new customer is {}", created.kyc_status);
        let until = Instant::now() + DECISION_TIMEOUT;
        loop {
            let customer = self.lending.customer(session, user).await?;
            if customer.kyc_status == "VERIFIED" {
                return Ok(((), format!("VERIFIED, version {}", customer.version)));
            }
            ensure!(Instant::now() < until, "the customer is still {}", customer.kyc_status);
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Checks that the balance does not suffice for the order, and returns it.
    pub async fn too_dear(&self, order: &Order) -> anyhow::Result<(i64, String)> {
        let balance = self.lending.balance(self.visit.session, self.visit.user).await?;
        self.visit.pay_from_balance(order).await?.problem(422, "INSUFFICIENT_FUNDS")?;
        Ok((balance, format!("422 INSUFFICIENT_FUNDS, with {}", Money::from_minor(balance)?)))
    }

    /// Makes the bank approve a loan of the missing amount, and waits until the customers service has credited it.
    pub async fn lend(&self, order: &Order, balance: i64) -> anyhow::Result<((), String)> {
        let amount = Money::from_minor(order.minor() - balance)?;
        let approved_at = clock::now().timestamp();
        let loan = ApprovedLoan { id: self.loan_id.clone(), customer: self.visit.user, amount, approved_at };
        self.bank.approve(&[loan]).await?;
        let until = Instant::now() + DECISION_TIMEOUT;
        loop {
            let loans = self.lending.loans(self.visit.session, self.visit.user).await?;
            let status = loans.iter().find(|loan| loan.loan_id == self.loan_id).map(|loan| loan.status.as_str());
            if status == Some("credited") {
                break;
            }
            if Instant::now() > until {
                bail!("the loan is {}", status.unwrap_or("unknown"));
            }
            sleep(POLL_INTERVAL).await;
        }
        let now = self.lending.balance(self.visit.session, self.visit.user).await?;
        ensure!(now == balance + amount.minor(), "the balance was {balance}, is {now}, and the loan is {amount}");
        Ok(((), format!("{amount} credited")))
    }

    /// Retries the payment that was declined, and checks that no balance is left.
    pub async fn pay(&self, order: &Order) -> anyhow::Result<((), String)> {
        self.visit.pay_from_balance(order).await?.success(200)?;
        let left = self.lending.balance(self.visit.session, self.visit.user).await?;
        ensure!(left == 0, "{left} of the balance are left");
        Ok(((), "nothing is left of the balance".to_owned()))
    }
}
