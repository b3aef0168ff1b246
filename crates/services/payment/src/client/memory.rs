//! A provider in memory that can be told to misbehave, for tests and the simulation.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use contracts::money::Money;
use uuid::Uuid;

use super::{Declines, Provider, Refund, Unknown};
use crate::model::{Decline, Intent, Method, Outcome};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and the answer is lost.
    Silent,
    /// It is not done: a 500, or a request that is lost.
    Broken,
    /// It is accepted, and nothing ever happens.
    Hung,
    /// A charge is declined.
    Decline(Decline),
    /// It arrives twice and is answered twice.
    Twice,
}

/// Money that has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub order: Uuid,
    pub user: Uuid,
    pub method: Method,
    pub amount: Money,
    /// False for a charge.
    pub refund: bool,
}

/// Books behind a lock, in the place of another company; clones share them.
#[derive(Clone)]
pub struct MemoryProvider {
    state: Arc<Mutex<State>>,
    initial_balance: Money,
    declines: Declines,
}

#[derive(Default)]
struct State {
    balances: BTreeMap<Uuid, i64>,
    /// By transaction: what was intended, and what came of it.
    charges: BTreeMap<Uuid, (Intent, Outcome)>,
    /// By key.
    refunds: BTreeMap<String, Movement>,
    faults: VecDeque<Fault>,
    requests: u64,
}

impl MemoryProvider {
    pub fn new(initial_balance: Money, declines: Declines) -> Self {
        Self { state: Arc::default(), initial_balance, declines }
    }

    /// The next requests meet these faults, one each; those after them meet none.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// Every charge and refund ever made.
    pub fn movements(&self) -> Vec<Movement> {
        let state = self.state();
        let charges = state.charges.values().filter(|(_, outcome)| matches!(outcome, Outcome::Charged { .. }));
        charges
            .map(|(intent, _)| movement(intent, intent.amount, false))
            .chain(state.refunds.values().cloned())
            .collect()
    }

    /// What `user` has for INVESTOR_MONEY, in minor units.
    pub fn balance(&self, user: Uuid) -> i64 {
        self.state().balances.get(&user).copied().unwrap_or(self.initial_balance.minor())
    }

    /// How often it was asked to charge or to refund.
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self) -> Option<Fault> {
        let mut state = self.state();
        state.requests += 1;
        state.faults.pop_front()
    }

    fn enter(&self, intent: &Intent, decline: Option<Decline>) -> Outcome {
        let mut state = self.state();
        if let Some((_, outcome)) = state.charges.get(&intent.transaction) {
            return outcome.clone();
        }
        let mut outcome = Outcome::Charged { reference: intent.transaction.to_string() };
        if let Some(decline) = decline.or_else(|| self.declines.of(intent)) {
            outcome = Outcome::Declined(decline);
        } else if intent.method == Method::InvestorMoney {
            let balance = state.balances.entry(intent.user).or_insert(self.initial_balance.minor());
            if *balance < intent.amount.minor() {
                outcome = Outcome::Declined(Decline::InsufficientFunds);
            } else {
                *balance -= intent.amount.minor();
            }
        }
        state.charges.insert(intent.transaction, (*intent, outcome.clone()));
        outcome
    }

    fn give_back(&self, refund: &Refund) -> Result<(), Unknown> {
        let mut state = self.state();
        let charge =
            refund.reference.parse().ok().and_then(|transaction: Uuid| state.charges.get(&transaction).cloned());
        let Some((intent, Outcome::Charged { .. })) = charge else {
            return Err(lost("there is no such charge"));
        };
        if !state.refunds.contains_key(&refund.key) {
            state.refunds.insert(refund.key.clone(), movement(&intent, refund.amount, true));
            if intent.method == Method::InvestorMoney {
                *state.balances.entry(intent.user).or_insert(self.initial_balance.minor()) += refund.amount.minor();
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Provider for MemoryProvider {
    async fn charge(&self, intent: &Intent) -> Result<Outcome, Unknown> {
        match self.next_fault() {
            None => Ok(self.enter(intent, None)),
            Some(Fault::Silent) => {
                self.enter(intent, None);
                Err(lost("the answer is lost"))
            }
            Some(Fault::Broken) => Err(lost("500")),
            Some(Fault::Hung) => std::future::pending().await,
            Some(Fault::Decline(decline)) => Ok(self.enter(intent, Some(decline))),
            Some(Fault::Twice) => {
                self.enter(intent, None);
                Ok(self.enter(intent, None))
            }
        }
    }

    async fn find(&self, intent: &Intent) -> Result<Option<Outcome>, Unknown> {
        Ok(self.state().charges.get(&intent.transaction).map(|(_, outcome)| outcome.clone()))
    }

    async fn refund(&self, refund: &Refund) -> Result<(), Unknown> {
        match self.next_fault() {
            None => self.give_back(refund),
            Some(Fault::Silent) => {
                self.give_back(refund)?;
                Err(lost("the answer is lost"))
            }
            Some(Fault::Broken | Fault::Decline(_)) => Err(lost("500")),
            Some(Fault::Hung) => std::future::pending().await,
            Some(Fault::Twice) => {
                self.give_back(refund)?;
                self.give_back(refund)
            }
        }
    }
}

fn movement(intent: &Intent, amount: Money, refund: bool) -> Movement {
    Movement { order: intent.order, user: intent.user, method: intent.method, amount, refund }
}

fn lost(what: &'static str) -> Unknown {
    Unknown(anyhow::anyhow!(what))
}
