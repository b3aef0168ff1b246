//! The programs that the services call: inventory, payment and order over the network, and the payment provider.

use std::{num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use contracts::{
    ids::{OrderId, PartId, TransactionId, UserId},
    money::Money,
};
use inventory::client::{Existing, ExistingOrders};
use order::{
    client::{ChargeAnswer, Inventory, Payments, PricedPart, Voided},
    error::{Error, OrderRefusal},
    model::{Attempt, Order, PaymentMethod, PaymentStatus, Status},
};
use payment::{
    client::{Balances, ChargeError, Lookup, MemoryProvider, Provider, Refund, ScriptedFault, Unknown},
    error::Error as PaymentError,
    model::{self, ChargeState, Credit, Decline, Intent, Method, RefundState},
    service::Charge,
};
use platform::{auth::Caller, grpc::Unavailable, postgres::DatabaseError};
use rand::RngExt as _;

use crate::{
    network::{Lost, said},
    plan::{Fault, Mistake},
    process::Process,
    world::{Name, Serves, locked},
};

/// The timeout of a client of the provider.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(6);
/// The share of the faults of a charge that are refusals. Most are unknown outcomes, in which mistakes show.
const REFUSED: f64 = 0.2;

/// Inventory as `GrpcInventory` would reach it.
pub struct RemoteInventory(pub Process);

#[async_trait]
impl Inventory for RemoteInventory {
    async fn reserve(
        &self,
        order: OrderId,
        user: UserId,
        parts: &[(PartId, i64)],
        confirm: bool,
    ) -> Result<Vec<PricedPart>, Error> {
        let lines: inventory::model::Lines = parts.iter().copied().collect();
        let mut tries = 0;
        loop {
            tries += 1;
            let response = self.0.ask(Name::Inventory, Serves::stock, |inventory| {
                let request = inventory.request(order, Some(user), lines.clone(), confirm);
                async move { inventory.reserve(vec![request]).await.remove(0) }
            });
            let response = response.await;
            self.0.stall("after it has asked inventory").await;
            let (problem, again) = match response {
                Ok(Ok(reserved)) => return Ok(reserved.into_iter().map(decode).collect()),
                Ok(Err(inventory::error::Error::PartNotFound(part))) => {
                    return Err(OrderRefusal::PartNotFound(part).into());
                }
                Ok(Err(inventory::error::Error::OutOfStock(part))) => {
                    return Err(OrderRefusal::OutOfStock(part).into());
                }
                Ok(Err(inventory::error::Error::TooManyReserved(part))) => {
                    return Err(OrderRefusal::TooManyReserved(part).into());
                }
                Ok(Err(inventory::error::Error::ReservationEnded(_))) => {
                    return Err(OrderRefusal::ReservationLost.into());
                }
                Ok(Err(error)) => (error.to_string(), true),
                Err(Lost::Refused) => ("no process listens".to_owned(), true),
                Err(Lost::Silent) => ("no response in time".to_owned(), false),
            };
            if tries > 2 || !again {
                return Err(Error::Unavailable("inventory", anyhow::anyhow!(problem)));
            }
            tokio::time::sleep(Duration::from_millis(20 << tries)).await;
        }
    }

    async fn named(&self, _: &[String]) -> Result<Vec<(String, PartId)>, Error> {
        Err(Error::Unavailable("inventory", anyhow::anyhow!("orders by name are not simulated")))
    }

    async fn release(&self, _: OrderId) -> Result<(), Error> {
        Err(Error::Unavailable("inventory", anyhow::anyhow!("orders at named prices are not simulated")))
    }
}

fn decode(reserved: inventory::model::ReservedLine) -> PricedPart {
    let inventory::model::ReservedLine { part, quantity, unit_price } = reserved;
    PricedPart { part, quantity, unit_price }
}

/// Payment as `GrpcPayments` would reach it.
pub struct RemotePayments(pub Process);

#[async_trait]
impl Payments for RemotePayments {
    async fn pay(&self, order: &Order, attempt: Attempt) -> ChargeAnswer {
        let world = &self.0.world;
        let charge = charge(order, attempt);
        let response = self.0.ask(Name::Payment, Serves::payments, |payment| {
            let transaction = TransactionId::new(world.uuid());
            async move { payment.pay(&charge, transaction).await }
        });
        let response = response.await;
        self.0.stall("after it has asked payment").await;
        world.note(format_args!(
            "payment responds to attempt {} of order {}: {}",
            attempt.number,
            order.uuid,
            said(&response)
        ));
        match response {
            Ok(Ok(transaction)) => ChargeAnswer::Charged(transaction),
            Ok(Err(PaymentError::Declined(Decline::InsufficientFunds))) => {
                ChargeAnswer::Declined(OrderRefusal::InsufficientFunds)
            }
            Ok(Err(PaymentError::Declined(Decline::Declined) | PaymentError::Cancelled)) => {
                ChargeAnswer::Declined(OrderRefusal::PaymentDeclined)
            }
            _ if world.makes(Mistake::TimeoutIsFailure) => ChargeAnswer::Declined(OrderRefusal::PaymentDeclined),
            Ok(Err(error)) => ChargeAnswer::Unknown(error.to_string()),
            Err(Lost::Refused) => ChargeAnswer::NotAsked("no process listens".to_owned()),
            Err(lost @ Lost::Silent) => ChargeAnswer::Unknown(format!("{lost:?}")),
        }
    }

    async fn find(&self, order: OrderId) -> Result<Option<order::model::Payment>, Error> {
        let response = self.0.ask(Name::Payment, Serves::payments, |payment| {
            let caller = Caller::Service("order".to_owned());
            async move { payment.find(&caller, order).await }
        });
        let response = response.await;
        match response {
            Ok(Ok(payment)) => Ok(Some(known(&payment))),
            Ok(Err(PaymentError::NotFound)) => Ok(None),
            Ok(Err(error)) => Err(Error::Unavailable("payment", error.into())),
            Err(lost) => Err(Error::Unavailable("payment", anyhow::anyhow!("{lost:?}"))),
        }
    }

    async fn void(&self, order: &Order, attempt: Attempt) -> Voided {
        let world = &self.0.world;
        if world.makes(Mistake::UnfencedAttempts) {
            return Voided::Void;
        }
        let charge = charge(order, attempt);
        let response = self.0.ask(Name::Payment, Serves::payments, |payment| {
            let transaction = TransactionId::new(world.uuid());
            async move { payment.void(&charge, transaction).await }
        });
        let response = response.await;
        world.note(format_args!(
            "payment voids attempt {} of order {}: {}",
            attempt.number,
            order.uuid,
            said(&response)
        ));
        match response {
            Ok(Ok(model::VoidResult::Voided)) => Voided::Void,
            Ok(Ok(model::VoidResult::AlreadyCharged(transaction))) => Voided::Charged(transaction),
            Ok(Ok(model::VoidResult::InProgress)) => Voided::Unknown("a charge is under way".to_owned()),
            Ok(Err(error)) => Voided::Unknown(error.to_string()),
            Err(lost) => Voided::Unknown(format!("{lost:?}")),
        }
    }
}

fn charge(order: &Order, attempt: Attempt) -> Charge {
    Charge {
        order: order.uuid,
        attempt: NonZeroU32::new(attempt.number.unsigned_abs()).expect("an attempt counts from 1"),
        user: order.user,
        method: method(attempt.method),
        amount: order.total_price,
    }
}

fn method(method: PaymentMethod) -> Method {
    match method {
        PaymentMethod::Card => Method::Card,
        PaymentMethod::Sbp => Method::Sbp,
        PaymentMethod::CreditCard => Method::CreditCard,
        PaymentMethod::InvestorMoney => Method::InvestorMoney,
    }
}

/// Returns a payment as order's client decodes it.
fn known(payment: &model::Payment) -> order::model::Payment {
    let model::Intent { transaction, attempt, method, .. } = payment.intent;
    order::model::Payment {
        attempt: i32::try_from(attempt).expect("few attempts"),
        transaction,
        method: match method {
            Method::Card => PaymentMethod::Card,
            Method::Sbp => PaymentMethod::Sbp,
            Method::CreditCard => PaymentMethod::CreditCard,
            Method::InvestorMoney => PaymentMethod::InvestorMoney,
        },
        status: match &payment.status {
            model::Status::Pending { .. } => PaymentStatus::Pending,
            model::Status::Succeeded { .. } | model::Status::Refunding { .. } => PaymentStatus::Success,
            model::Status::Declined(Decline::InsufficientFunds) => PaymentStatus::InsufficientFunds,
            model::Status::Declined(Decline::Declined) => PaymentStatus::Failed,
            model::Status::Refunded { .. } => PaymentStatus::Refunded,
        },
        created_at: payment.created_at,
    }
}

/// Order as inventory's `GrpcExistingOrders` would reach it.
pub struct RemoteOrders(pub Process);

#[async_trait]
impl ExistingOrders for RemoteOrders {
    async fn existing(&self, orders: &[OrderId]) -> Result<Existing, Unavailable> {
        let world = &self.0.world;
        if world.makes(Mistake::ExpireWithoutAsking) {
            return Ok(Existing::default());
        }
        let response = self.0.ask(Name::Order, Serves::orders, |order| {
            let orders = orders.to_vec();
            async move { order.existing(&orders).await }
        });
        let response = response.await;
        self.0.stall("after it has asked which orders exist").await;
        match response {
            Ok(Ok(known)) => {
                let unpaid = known.iter().filter(|(_, status)| **status == Status::PendingPayment);
                Ok(Existing { unpaid: unpaid.map(|(order, _)| *order).collect(), all: known.into_keys().collect() })
            }
            Ok(Err(error)) => Err(Unavailable("order", error.to_string())),
            Err(lost) => Err(Unavailable("order", format!("{lost:?}"))),
        }
    }
}

/// The payment provider. Its ledger outlives every process.
pub struct RemoteProvider {
    pub process: Process,
    pub books: MemoryProvider,
}

impl RemoteProvider {
    /// Executes `work` at the provider once, twice or not at all. Returns or loses the response.
    async fn ask<T, E: From<Unknown>, F: Future<Output = Result<T, E>>>(&self, work: impl Fn() -> F) -> Result<T, E> {
        let world = &self.process.world;
        self.process.step("before it asks the provider").await;
        world.travel().await;
        let fault = world.strikes(Fault::Provider).then(|| world.pick(|rng| rng.random_range(0..4)));
        if let Some(fault) = fault {
            world.note(format_args!("the provider misbehaves: {fault}"));
        }
        match fault {
            Some(0) => return Err(Unknown(anyhow::anyhow!("500")).into()),
            Some(1) => {
                tokio::time::sleep(PROVIDER_TIMEOUT).await;
                return Err(Unknown(anyhow::anyhow!("hung")).into());
            }
            Some(2) => {
                work().await?;
                return Err(Unknown(anyhow::anyhow!("did it and said nothing")).into());
            }
            Some(_) => {
                work().await?;
            }
            None => {}
        }
        let response = work().await;
        self.process.step("after the provider did it").await;
        response
    }

    /// Decides whether the provider accepts a request now but executes it later, and with which result.
    fn later(&self, endings: &[ScriptedFault]) -> Option<ScriptedFault> {
        let world = &self.process.world;
        let later =
            world.strikes(Fault::Provider).then(|| world.pick(|rng| endings[rng.random_range(0..endings.len())]));
        if let Some(ending) = later {
            world.note(format_args!("the provider accepts it, to be {ending:?}"));
        }
        later
    }
}

#[async_trait]
impl Provider for RemoteProvider {
    async fn charge(&self, intent: &Intent) -> Result<ChargeState, ChargeError> {
        let mut intent = *intent;
        let world = &self.process.world;
        if world.makes(Mistake::NewKeyOnRetry) {
            intent.transaction = TransactionId::new(world.uuid());
        }
        locked(&world.stores.charge_requests).insert(intent.transaction.uuid(), intent);
        if world.strikes(Fault::Provider) && world.chance(REFUSED) {
            world.note(format_args!("the provider refuses to charge"));
            return Err(ChargeError::Refused(anyhow::anyhow!("401")));
        }
        let slow = self.later(&[ScriptedFault::Slow]);
        self.ask(|| {
            self.books.script(slow);
            self.books.charge(&intent)
        })
        .await
    }

    async fn find(&self, intent: &Intent, reference: Option<&str>) -> Result<Lookup, Unknown> {
        self.ask(|| self.books.find(intent, reference)).await
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        if refund.pending.is_some() {
            return self.ask(|| self.books.refund(refund)).await;
        }
        let later = self.later(&[ScriptedFault::Slow, ScriptedFault::Failing]);
        self.ask(|| {
            self.books.script(later);
            self.books.refund(refund)
        })
        .await
    }
}

#[async_trait]
impl Balances for RemoteProvider {
    async fn balance_of(&self, user: UserId) -> Result<Money, DatabaseError> {
        self.books.balance_of(user).await
    }

    async fn credit(&self, credit: &Credit) -> Result<Option<Credit>, DatabaseError> {
        self.books.credit(credit).await
    }
}
