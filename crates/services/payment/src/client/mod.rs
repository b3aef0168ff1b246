//! Payment providers: the trait, the built-in ledger, Stripe, and the in-memory twin.

mod declines;
mod ledger;
mod memory;
mod stripe;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{ids::UserId, money::Money};
pub use declines::Declines;
pub use ledger::Ledger;
pub use memory::{MemoryProvider, Movement, ScriptedFault};
use platform::postgres::DatabaseError;
pub use stripe::{Stripe, StripeAccount};

use crate::model::{Credit, Intent, Method, Outcome, ProviderName};

/// The outcome of a request is unknown: it may have been processed or not. Repeat it under the same key.
#[derive(Debug, thiserror::Error)]
#[error("the outcome at the provider is unknown")]
pub struct Unknown(#[source] pub anyhow::Error);

/// A request to refund a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The idempotency key, the same for every request to refund this charge.
    pub key: String,
    /// The provider's id of the charge.
    pub reference: String,
    pub amount: Money,
}

/// A payment provider. A request repeated under its idempotency key has no further effect and the same response.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Charges; the transaction is the idempotency key.
    async fn charge(&self, intent: &Intent) -> Result<Outcome, Unknown>;
    /// Finds the outcome of an earlier charge. Returns `None` if the provider knows none: the caller then repeats the charge.
    ///
    /// Providers forget idempotency keys after a day, so a late repetition has to look here first.
    async fn find(&self, intent: &Intent) -> Result<Option<Outcome>, Unknown>;
    async fn refund(&self, refund: &Refund) -> Result<(), Unknown>;
}

/// The built-in provider, which keeps the users' balances.
#[async_trait]
pub trait Balances: Provider {
    /// Returns the user's balance of INVESTOR_MONEY: the initial balance until the first charge or credit.
    async fn balance_of(&self, user: UserId) -> Result<Money, DatabaseError>;
    /// Adds to a balance, once per reference. Returns the credit stored under the reference: this one or an earlier one; `None` if the
    /// initial balance and all credits of the user would exceed the maximum amount.
    async fn credit(&self, credit: &Credit) -> Result<Option<Credit>, DatabaseError>;
}

/// The configured providers, and which one handles which method.
#[derive(Clone)]
pub struct Providers {
    ledger: Arc<dyn Balances>,
    stripe: Option<Arc<dyn Provider>>,
}

impl Providers {
    pub fn new(ledger: Arc<dyn Balances>, stripe: Option<Arc<dyn Provider>>) -> Self {
        Self { ledger, stripe }
    }

    /// The provider of a method. INVESTOR_MONEY is always the ledger's, which has the balances.
    pub fn of(&self, method: Method) -> ProviderName {
        if self.stripe.is_some() && method != Method::InvestorMoney {
            ProviderName::Stripe
        } else {
            ProviderName::Ledger
        }
    }

    pub async fn balance(&self, user: UserId) -> Result<Money, DatabaseError> {
        self.ledger.balance_of(user).await
    }

    pub async fn credit(&self, credit: &Credit) -> Result<Option<Credit>, DatabaseError> {
        self.ledger.credit(credit).await
    }

    pub fn get(&self, name: ProviderName) -> Result<&dyn Provider, Unknown> {
        match name {
            ProviderName::Ledger => Ok(&*self.ledger),
            ProviderName::Stripe => self.stripe.as_deref().ok_or_else(|| {
                Unknown(anyhow::anyhow!("PAYMENT_PROVIDER_URL is not set, and this payment was begun there"))
            }),
        }
    }
}
