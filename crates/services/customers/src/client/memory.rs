//! In-memory implementations of the checker and the payment service, which fail as a test configures them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use contracts::ids::UserId;

use super::{CheckRequest, Checker, CreditError, Credits, Unknown};
use crate::model::{Loan, LoanId, Verdict, Words};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A checker that approves every customer except those whose names a test declines; clones share its state.
#[derive(Clone, Default)]
pub struct MemoryChecker {
    state: Arc<Mutex<CheckerState>>,
}

#[derive(Default)]
struct CheckerState {
    declined: Vec<String>,
    away: bool,
    /// The keys of the requests, oldest first.
    asked: Vec<String>,
}

impl MemoryChecker {
    pub fn decline(&self, name: &str) {
        locked(&self.state).declined.push(name.to_owned());
    }

    /// Makes the checker unavailable or available.
    pub fn set_away(&self, away: bool) {
        locked(&self.state).away = away;
    }

    /// Returns the keys of all requests, repeats included.
    pub fn asked(&self) -> Vec<String> {
        locked(&self.state).asked.clone()
    }
}

#[async_trait]
impl Checker for MemoryChecker {
    async fn ask(&self, request: &CheckRequest) -> Result<Verdict, Unknown> {
        let mut state = locked(&self.state);
        state.asked.push(request.key.clone());
        if state.away {
            return Err(Unknown("away".to_owned()));
        }
        let declined = state.declined.iter().any(|name| name == request.profile.name.as_str());
        Ok(if declined { Verdict::Refused(Words::fitting("is declined")) } else { Verdict::Approved })
    }
}

/// A payment service that records credits; clones share its state.
#[derive(Clone, Default)]
pub struct MemoryPayment {
    state: Arc<Mutex<PaymentState>>,
}

#[derive(Default)]
struct PaymentState {
    credits: BTreeMap<LoanId, (UserId, i64)>,
    /// Credits are recorded, but their responses are lost.
    silent: bool,
    away: bool,
}

impl MemoryPayment {
    pub fn set_away(&self, away: bool) {
        locked(&self.state).away = away;
    }

    pub fn set_silent(&self, silent: bool) {
        locked(&self.state).silent = silent;
    }

    /// The sum of the user's credits, in minor units.
    pub fn credited(&self, user: UserId) -> i64 {
        let state = locked(&self.state);
        state.credits.values().filter(|(credited, _)| *credited == user).map(|(_, amount)| amount).sum()
    }
}

#[async_trait]
impl Credits for MemoryPayment {
    async fn credit(&self, loan: &Loan) -> Result<(), CreditError> {
        let mut state = locked(&self.state);
        if state.away {
            return Err(CreditError::Unavailable("away".to_owned()));
        }
        let credit = (loan.customer, loan.amount.minor());
        if *state.credits.entry(loan.id.clone()).or_insert(credit) != credit {
            return Err(CreditError::Refused("another one".to_owned()));
        }
        if state.silent { Err(CreditError::Unavailable("the answer is lost".to_owned())) } else { Ok(()) }
    }
}
