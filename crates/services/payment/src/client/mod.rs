//! Who moves the money: the port, and the providers behind it.

mod declines;
mod ledger;
mod memory;
mod stripe;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::money::Money;
pub use declines::Declines;
pub use ledger::Ledger;
pub use memory::{Fault, MemoryProvider, Movement};
pub use stripe::{Stripe, StripeAccount};

use crate::model::{Intent, Method, Outcome, ProviderName};

/// The provider's answer has not come, or says nothing: it may have done what it was asked or not. Ask again with the same key.
#[derive(Debug, thiserror::Error)]
#[error("the provider gave no answer that tells")]
pub struct Unknown(#[source] pub anyhow::Error);

/// A charge to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The same for each request to give this charge back.
    pub key: String,
    /// The provider's name for the charge.
    pub reference: String,
    pub amount: Money,
}

/// A payment provider. Every request carries a key, and one that is repeated under its key has no further effect and the same answer.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Charges what is intended, under the transaction as the key.
    async fn charge(&self, intent: &Intent) -> Result<Outcome, Unknown>;
    /// What came of an earlier request to charge this, as far as the provider remembers. Nothing means: ask again to charge.
    ///
    /// A provider forgets keys after a day; whoever asks again after all that time must look here first.
    async fn find(&self, intent: &Intent) -> Result<Option<Outcome>, Unknown>;
    async fn refund(&self, refund: &Refund) -> Result<(), Unknown>;
}

/// The providers of this system, and which methods are whose.
#[derive(Clone)]
pub struct Providers {
    ledger: Arc<dyn Provider>,
    stripe: Option<Arc<dyn Provider>>,
}

impl Providers {
    pub fn new(ledger: Arc<dyn Provider>, stripe: Option<Arc<dyn Provider>>) -> Self {
        Self { ledger, stripe }
    }

    /// Who charges this method. Balances are the ledger's, whoever does the rest.
    pub fn of(&self, method: Method) -> ProviderName {
        if self.stripe.is_some() && method != Method::InvestorMoney {
            ProviderName::Stripe
        } else {
            ProviderName::Ledger
        }
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
