//! The steady mixed load of a shop under which faults are injected. Customers create, read, pay and cancel orders, and
//! record every response.

mod account;
mod borrower;
mod counters;
mod customer;
mod delivery;
mod in_flight;
mod journal;
mod order;
mod outcome;
mod purchase;
mod random;
mod request;
mod retrying_client;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, slice, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use contracts::proto::common::v1::NotificationMethod;
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use self::{
    account::Account,
    borrower::Borrower,
    customer::Customer,
    in_flight::InFlight,
    random::Random,
    retrying_client::{Protocol, RetryingClient},
};
pub use self::{counters::Counters, journal::Journal};
use crate::load::{parts, register_with};
use client::{bank::Bank, lending::Lending, shop::Shop};

/// Spreads the customers' seeds, so that two runs share no seed: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST_CHAT: usize = 5_000_000;
/// The number of customers who also take loans.
const BORROWERS: usize = 2;

#[derive(Clone, Debug)]
pub struct Options {
    /// At least one.
    pub customers: usize,
    /// The mean pause between two steps of a customer.
    pub pause: Duration,
    pub seed: u64,
}

/// The running customers. They stop when this value is dropped.
pub struct Load {
    in_flight: Arc<InFlight>,
    pub journal: Arc<Journal>,
    customers: Vec<AbortOnDropHandle<()>>,
}

impl Load {
    /// Registers the customers and borrowers, each with a chat. They are idle until [`Load::resume`].
    pub async fn start(shop: Shop, lending: &Lending, bank: Bank, options: &Options) -> anyhow::Result<Self> {
        let rng = |index: usize| SmallRng::seed_from_u64(options.seed ^ (index as u64 + 1).wrapping_mul(SPREAD));
        let mut accounts =
            register_with(slice::from_ref(&shop), options.customers + BORROWERS, usize::MAX, chat).await?;
        let parts = parts(&accounts[0]).await?;
        let parts = parts.iter().map(|part| part.uuid.parse::<Uuid>().context("a part's uuid is none"));
        let parts = parts.collect::<anyhow::Result<Arc<[Uuid]>>>()?;
        ensure!(!parts.is_empty(), "the shop has no parts");
        let (in_flight, journal, bank) = (Arc::new(InFlight::paused()), Arc::new(Journal::default()), Arc::new(bank));
        let mut customers = Vec::new();
        for (index, account) in accounts.split_off(BORROWERS).into_iter().enumerate() {
            let (account, protocol) = (Account::new(account), Protocol::for_customer(index));
            let customer = Customer {
                client: RetryingClient::new(shop.clone(), journal.clone(), account, protocol)?,
                in_flight: in_flight.clone(),
                parts: parts.clone(),
                pause: options.pause,
                random: Random::new(rng(index)),
                orders: VecDeque::new(),
            };
            customers.push(AbortOnDropHandle::new(tokio::spawn(customer.live())));
        }
        for (index, account) in (options.customers..).zip(accounts) {
            let borrower = Borrower {
                account: Account::new(account),
                lending: lending.clone(),
                bank: bank.clone(),
                journal: journal.clone(),
                in_flight: in_flight.clone(),
                pause: options.pause,
                random: Random::new(rng(index)),
            };
            customers.push(AbortOnDropHandle::new(tokio::spawn(borrower.live())));
        }
        Ok(Self { in_flight, journal, customers })
    }

    /// Returns a load without customers.
    pub fn none() -> Self {
        Self { in_flight: Arc::new(InFlight::paused()), journal: Arc::default(), customers: Vec::new() }
    }

    pub fn has_customers(&self) -> bool {
        !self.customers.is_empty()
    }

    pub fn resume(&self) {
        self.in_flight.resume();
    }

    /// Admits no new operation, and waits until every request in flight has its final response. After `limit`, fails
    /// with the remaining requests.
    pub async fn pause(&self, limit: Duration) -> anyhow::Result<()> {
        self.in_flight.drain(limit).await?;
        let gone = self.customers.iter().filter(|customer| customer.is_finished()).count();
        ensure!(gone == 0, "{gone} customers have panicked");
        Ok(())
    }

    pub fn counters(&self) -> Counters {
        self.journal.measurements().total
    }
}

/// Returns a chat of its own for each customer.
fn chat(index: usize) -> Vec<NotificationMethod> {
    let (provider_name, target) = ("telegram".to_owned(), (FIRST_CHAT + index).to_string());
    vec![NotificationMethod { provider_name, target, ..NotificationMethod::default() }]
}
