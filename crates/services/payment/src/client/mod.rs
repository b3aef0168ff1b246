//! Payment providers: the trait, the built-in ledger, Stripe, and an in-memory implementation.

mod declines;
mod ledger;
mod memory;
mod stripe;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{
    ids::{TransactionId, UserId},
    money::Money,
};
pub use declines::Declines;
pub use ledger::Ledger;
pub use memory::{MemoryProvider, Movement, ScriptedFault};
use platform::postgres::DatabaseError;
pub use stripe::{Stripe, StripeAccount};

use crate::model::{ChargeState, Credit, Intent, Method, Payment, ProviderName, RefundRequest, RefundState};

/// The outcome of a request is unknown: the provider may or may not have processed it. The caller retries it under the
/// same idempotency key.
#[derive(Debug, thiserror::Error)]
#[error("the outcome at the provider is unknown")]
pub struct Unknown(#[source] pub anyhow::Error);

/// The error of a request to charge that has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// The provider has not executed this request and never will. Another request of the attempt may have charged.
    #[error("the provider refused to execute the request")]
    Refused(#[source] anyhow::Error),
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    Known(ChargeState),
    /// The provider has no such charge.
    Absent,
    /// The provider cannot look charges up.
    Unsupported,
}

/// A request to refund a charge, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub transaction: TransactionId,
    /// The id of the refund, which all its requests share.
    pub id: String,
    pub key: String,
    /// The provider's id of the charge.
    pub charge: String,
    pub amount: Money,
    /// The provider's id of the refund, once it is known to be pending.
    pub pending: Option<String>,
}

impl Refund {
    /// Creates the request to refund `amount` of a payment's charge. Fails if nothing was charged.
    pub fn new(payment: &Payment, id: String, amount: Money, request: &RefundRequest) -> Result<Self, Unknown> {
        let transaction = payment.intent.transaction;
        let charge = payment.status.charge().map(str::to_owned);
        let charge = charge.ok_or_else(|| Unknown(anyhow::anyhow!("there is no charge {transaction}")))?;
        Ok(Self { transaction, key: request.key(&id), id, charge, amount, pending: request.reference.clone() })
    }
}

/// A payment provider. A retry under the same idempotency key has no further effect and gets the same response.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Charges the intent's amount. The transaction is the idempotency key.
    ///
    /// Providers forget idempotency keys after a day. A retry after that could charge a second time.
    async fn charge(&self, intent: &Intent) -> Result<ChargeState, ChargeError>;
    /// Looks up the charge of this intent, by the provider's id of the charge if it is known.
    async fn find(&self, intent: &Intent, reference: Option<&str>) -> Result<Lookup, Unknown>;
    /// Requests a refund, or looks it up if it is pending. A refund that was made is not made again, even if the
    /// provider has forgotten its key. Only after [`RefundState::Failed`] may the caller use another key.
    async fn refund(&self, refund: &Refund) -> Result<RefundState, Unknown>;
    /// Takes refunds of one charge that the provider reported as made. Returns true for each that has not failed since;
    /// a bank may refuse a refund days later.
    async fn are_refunded(&self, refunds: &[Refund]) -> Result<Vec<bool>, Unknown> {
        Ok(vec![true; refunds.len()])
    }
}

/// The built-in provider, which keeps the users' balances.
#[async_trait]
pub trait Balances: Provider {
    /// Returns the user's INVESTOR_MONEY balance, which is the initial balance until the first charge or credit.
    async fn balance_of(&self, user: UserId) -> Result<Money, DatabaseError>;
    /// Adds to a balance, once per reference. Returns the credit stored under the reference, this or an earlier one.
    /// Returns `None` if the user's initial balance and credits would exceed the maximum amount.
    async fn credit(&self, credit: &Credit) -> Result<Option<Credit>, DatabaseError>;
}

/// The configured providers, one per payment method.
#[derive(Clone)]
pub struct Providers {
    ledger: Arc<dyn Balances>,
    stripe: Option<Arc<dyn Provider>>,
}

impl Providers {
    pub fn new(ledger: Arc<dyn Balances>, stripe: Option<Arc<dyn Provider>>) -> Self {
        Self { ledger, stripe }
    }

    /// Returns the provider for a payment method. The ledger always handles INVESTOR_MONEY, because it keeps the
    /// balances.
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
