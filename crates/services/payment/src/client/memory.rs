//! An in-memory provider with scripted faults, for tests and the simulation.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};
use platform::postgres::DatabaseError;

use super::{Balances, ChargeError, Declines, Lookup, Provider, Refund, Unknown};
use crate::model::{ChargeOutcome, ChargeState, Credit, Decline, Intent, Method, Reference, RefundState};

/// A fault injected into one request to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptedFault {
    /// The request is processed; the response is lost.
    Silent,
    /// The request fails or is lost before the provider processes it.
    Broken,
    /// The provider neither processes the request nor responds.
    Hung,
    /// The provider receives and processes the request twice.
    Twice,
    /// The charge is processing, or the refund pending, until it is looked up. Then it has succeeded.
    Slow,
    /// The refund is pending until it is looked up. Then it has failed.
    Failing,
}

/// A charge or a refund that the provider executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub order: OrderId,
    pub user: UserId,
    pub method: Method,
    pub amount: Money,
    /// The idempotency key of a refund; `None` for a charge.
    pub refund: Option<String>,
}

/// The provider's state behind a mutex. Clones share the state.
#[derive(Clone)]
pub struct MemoryProvider {
    state: Arc<Mutex<State>>,
    initial_balance: Money,
    declines: Declines,
}

#[derive(Default)]
struct State {
    balances: BTreeMap<UserId, i64>,
    charges: BTreeMap<TransactionId, (Intent, ChargeOutcome)>,
    credits: BTreeMap<Reference, Credit>,
    /// Refunds by their idempotency key.
    refunds: BTreeMap<String, Movement>,
    /// The refunds that are or were pending, by their idempotency key; true if the refund will succeed.
    pending: BTreeMap<String, bool>,
    faults: VecDeque<ScriptedFault>,
}

impl MemoryProvider {
    pub fn new(initial_balance: Money, declines: Declines) -> Self {
        Self { state: Arc::default(), initial_balance, declines }
    }

    /// Injects these faults into the next requests, one fault per request.
    pub fn script(&self, faults: impl IntoIterator<Item = ScriptedFault>) {
        self.state().faults.extend(faults);
    }

    /// Returns all charges and refunds.
    pub fn movements(&self) -> Vec<Movement> {
        let state = self.state();
        let charges = state.charges.values().filter(|(_, outcome)| matches!(outcome, ChargeOutcome::Charged { .. }));
        charges
            .map(|(intent, _)| movement(intent, intent.amount, None))
            .chain(state.refunds.values().cloned())
            .collect()
    }

    /// Returns the user's INVESTOR_MONEY balance, in minor units.
    pub fn balance(&self, user: UserId) -> i64 {
        self.state().balances.get(&user).copied().unwrap_or(self.initial_balance.minor())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self) -> Option<ScriptedFault> {
        self.state().faults.pop_front()
    }

    fn enter(&self, intent: &Intent) -> ChargeOutcome {
        let mut state = self.state();
        if let Some((_, outcome)) = state.charges.get(&intent.transaction) {
            return outcome.clone();
        }
        let mut outcome = ChargeOutcome::Charged { reference: intent.transaction.to_string() };
        if let Some(decline) = self.declines.of(intent) {
            outcome = ChargeOutcome::Declined(decline);
        } else if intent.method == Method::InvestorMoney {
            let balance = state.balances.entry(intent.user).or_insert(self.initial_balance.minor());
            if *balance < intent.amount.minor() {
                outcome = ChargeOutcome::Declined(Decline::InsufficientFunds);
            } else {
                *balance -= intent.amount.minor();
            }
        }
        state.charges.insert(intent.transaction, (*intent, outcome.clone()));
        outcome
    }

    fn make_refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        let mut state = self.state();
        let charge = refund.charge.parse().ok().and_then(|uuid| state.charges.get(&TransactionId::new(uuid)).cloned());
        let Some((intent, ChargeOutcome::Charged { .. })) = charge else {
            return Err(lost("there is no such charge"));
        };
        if !state.refunds.contains_key(&refund.key) {
            state.refunds.insert(refund.key.clone(), movement(&intent, refund.amount, Some(refund.key.clone())));
            if intent.method == Method::InvestorMoney {
                *state.balances.entry(intent.user).or_insert(self.initial_balance.minor()) += refund.amount.minor();
            }
        }
        Ok(RefundState::Refunded)
    }

    /// Accepts a refund that is pending until it is looked up. Its id is its key.
    fn accept_refund(&self, refund: &Refund, succeeds: bool) -> RefundState {
        let mut state = self.state();
        if state.refunds.contains_key(&refund.key) {
            return RefundState::Refunded;
        }
        state.pending.entry(refund.key.clone()).or_insert(succeeds);
        RefundState::Pending { reference: refund.key.clone() }
    }
}

#[async_trait]
impl Provider for MemoryProvider {
    async fn charge(&self, intent: &Intent) -> Result<ChargeState, ChargeError> {
        let settled = |outcome| Ok(ChargeState::Settled(outcome));
        match self.next_fault() {
            None | Some(ScriptedFault::Failing) => settled(self.enter(intent)),
            Some(ScriptedFault::Slow) => {
                self.enter(intent);
                Ok(ChargeState::Processing { reference: intent.transaction.to_string() })
            }
            Some(ScriptedFault::Silent) => {
                self.enter(intent);
                Err(lost("the response is lost").into())
            }
            Some(ScriptedFault::Broken) => Err(lost("500").into()),
            Some(ScriptedFault::Hung) => std::future::pending().await,
            Some(ScriptedFault::Twice) => {
                self.enter(intent);
                settled(self.enter(intent))
            }
        }
    }

    async fn find(&self, intent: &Intent, _: Option<&str>) -> Result<Lookup, Unknown> {
        let state = self.state();
        let charge = state.charges.get(&intent.transaction);
        Ok(charge.map_or(Lookup::Absent, |(_, outcome)| Lookup::Known(ChargeState::Settled(outcome.clone()))))
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        if let Some(id) = &refund.pending {
            let succeeds = self.state().pending.get(id).copied();
            return if succeeds == Some(true) { self.make_refund(refund) } else { Ok(RefundState::Failed) };
        }
        let fault = self.next_fault();
        if self.state().pending.contains_key(&refund.key) {
            return Ok(RefundState::Pending { reference: refund.key.clone() });
        }
        match fault {
            None => self.make_refund(refund),
            Some(ScriptedFault::Slow) => Ok(self.accept_refund(refund, true)),
            Some(ScriptedFault::Failing) => Ok(self.accept_refund(refund, false)),
            Some(ScriptedFault::Silent) => {
                self.make_refund(refund)?;
                Err(lost("the response is lost"))
            }
            Some(ScriptedFault::Broken) => Err(lost("500")),
            Some(ScriptedFault::Hung) => std::future::pending().await,
            Some(ScriptedFault::Twice) => {
                self.make_refund(refund)?;
                self.make_refund(refund)
            }
        }
    }
}

#[async_trait]
impl Balances for MemoryProvider {
    async fn balance_of(&self, user: UserId) -> Result<Money, DatabaseError> {
        Money::from_minor(self.balance(user)).map_err(|_| DatabaseError::inconsistent("balances", "balance", user))
    }

    async fn credit(&self, credit: &Credit) -> Result<Option<Credit>, DatabaseError> {
        let mut state = self.state();
        if let Some(existing) = state.credits.get(&credit.reference) {
            return Ok(Some(existing.clone()));
        }
        let earlier =
            state.credits.values().filter(|earlier| earlier.user == credit.user).map(|earlier| earlier.amount);
        let all = earlier.chain([credit.amount]).try_fold(self.initial_balance, Money::checked_add);
        if all.is_err() {
            return Ok(None);
        }
        *state.balances.entry(credit.user).or_insert(self.initial_balance.minor()) += credit.amount.minor();
        state.credits.insert(credit.reference.clone(), credit.clone());
        Ok(Some(credit.clone()))
    }
}

fn movement(intent: &Intent, amount: Money, refund: Option<String>) -> Movement {
    Movement { order: intent.order, user: intent.user, method: intent.method, amount, refund }
}

fn lost(what: &'static str) -> Unknown {
    Unknown(anyhow::anyhow!(what))
}
