//! Charging, settling what is not known, and giving back.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use contracts::events::{OrderCancelled, Received};
use contracts::money::Money;
use futures::{Stream, StreamExt as _};
use platform::auth::Caller;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    client::{Providers, Refund},
    error::Error,
    model::{Answer, Direct, Intent, Method, Outcome, Payment, Status, Voided},
    repository::{Begun, Payments},
};

/// The consumer group, and the inbox's name, of cancelled orders.
pub const GROUP_CANCELLED: &str = "payment-group-order-cancelled";
/// Unfinished payments taken in one go, which wait for their turn, and how many are worked off side by side.
const BATCH: i64 = 16;
const SIDE_BY_SIDE: usize = 64;
/// How long payments that nobody has told of wait to be found due.
const POLL: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct PaymentService {
    payments: Arc<dyn Payments>,
    providers: Providers,
    refunds: Arc<Notify>,
}

/// What the shop wants to be charged for an order.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    pub order: Uuid,
    pub attempt: NonZeroU32,
    pub user: Uuid,
    pub method: Method,
    pub amount: Money,
}

impl PaymentService {
    pub fn new(payments: Arc<dyn Payments>, providers: Providers) -> Self {
        Self { payments, providers, refunds: Arc::default() }
    }

    /// Charges an order, once whatever is repeated or raced. `transaction` names the attempt where it is new.
    pub async fn pay(&self, charge: &Charge, transaction: Uuid) -> Result<Uuid, Error> {
        let intent = self.intent(charge, transaction);
        let payment = match self.payments.begin(&intent).await? {
            Begun::New(payment) => {
                let outcome = self.providers.get(intent.provider)?.charge(&intent).await?;
                self.settle(payment, &outcome).await?
            }
            Begun::Standing(payment) => self.standing(payment, &intent).await?,
            Begun::Cancelled => return Err(Error::Cancelled),
        };
        match payment.status.answer() {
            Answer::Charged => Ok(payment.intent.transaction),
            Answer::Declined(decline) => Err(Error::Declined(decline)),
            Answer::Cancelled => Err(Error::Cancelled),
            Answer::InProgress => Err(Error::InProgress),
        }
    }

    /// Voids an attempt: it is never charged, unless a charge has begun already.
    pub async fn void(&self, charge: &Charge, transaction: Uuid) -> Result<Voided, Error> {
        let payments = self.payments.void_attempt(&self.intent(charge, transaction)).await?;
        let voided = Voided::among(&payments);
        tracing::info!(order_uuid = %charge.order, attempt = charge.attempt, ?voided, "an attempt is to be void");
        Ok(voided)
    }

    fn intent(&self, charge: &Charge, transaction: Uuid) -> Intent {
        Intent {
            transaction,
            order: charge.order,
            attempt: charge.attempt.get(),
            user: charge.user,
            method: charge.method,
            amount: charge.amount,
            provider: self.providers.of(charge.method),
        }
    }

    /// What stands where an intent was to be recorded: the same attempt is seen to its end, another one is left alone.
    async fn standing(&self, payment: Payment, intent: &Intent) -> Result<Payment, Error> {
        if payment.intent.attempt != intent.attempt {
            return Ok(payment);
        }
        match payment.intent.difference(intent) {
            Some(field) => Err(Error::Differs(field)),
            None if payment.status == Status::Pending => self.ask_again(payment).await,
            None => Ok(payment),
        }
    }

    /// Finds out what came of a charge whose outcome is not known, by asking again under its key.
    async fn ask_again(&self, payment: Payment) -> Result<Payment, Error> {
        let provider = self.providers.get(payment.intent.provider)?;
        let outcome = match provider.find(&payment.intent).await? {
            Some(outcome) => outcome,
            None => provider.charge(&payment.intent).await?,
        };
        self.settle(payment, &outcome).await
    }

    async fn settle(&self, payment: Payment, outcome: &Outcome) -> Result<Payment, Error> {
        let Intent { order, transaction, attempt, .. } = payment.intent;
        let payment = self.payments.settle(transaction, outcome).await?;
        tracing::info!(order_uuid = %order, transaction_uuid = %transaction, attempt, status = ?payment.status, "settled");
        if matches!(payment.status, Status::Refunding { .. }) {
            self.refunds.notify_one();
        }
        Ok(payment)
    }

    /// Records a payment that a user makes himself. It charges nothing, and a repeat is the same payment.
    pub async fn pay_directly(&self, direct: &Direct) -> Result<Uuid, Error> {
        self.payments.record_direct(direct).await
    }

    /// Takes note of a cancelled order; what it was charged is given back in the background.
    pub async fn cancel(&self, cancelled: &Received<OrderCancelled>) -> Result<(), Error> {
        if self.payments.cancel(cancelled.subject.order.uuid(), Some((GROUP_CANCELLED, cancelled.id.uuid()))).await? {
            self.refunds.notify_one();
        }
        Ok(())
    }

    /// Gives back at once what a cancelled order was charged; its charges and refunds are even then, and stay so.
    ///
    /// Whether an order is cancelled is the order service's to say, by `OrderCancelled`: what lives keeps its payment and may be paid.
    pub async fn refund(&self, order: Uuid) -> Result<(), Error> {
        if !self.payments.is_cancelled(order).await? {
            return Err(Error::NotCancelled(order));
        }
        match self.payments.find(order).await? {
            Some(payment) => self.finish(payment).await,
            None => Ok(()),
        }
    }

    /// Works off payments as they fall due, until `stop`. Each is handed to one replica at a time, so any number may do this.
    ///
    /// Those that hang hold up no others: they are worked off side by side, the next is taken as soon as one ends, and the ones that were
    /// tried least often come first.
    pub async fn finish_due(&self, stop: CancellationToken) {
        self.due(stop).for_each_concurrent(SIDE_BY_SIDE, |(payment, time)| self.try_to_finish(payment, time)).await;
    }

    async fn try_to_finish(&self, payment: Payment, time: Duration) {
        let Intent { order, transaction, .. } = payment.intent;
        let finished = tokio::time::timeout(time, self.finish(payment)).await;
        let error = match finished {
            Ok(Ok(())) => return,
            Ok(Err(error)) => format!("{:#}", anyhow::Error::from(error)),
            Err(_) => format!("it took longer than {time:?}"),
        };
        tracing::warn!(order_uuid = %order, transaction_uuid = %transaction, error, "a payment is tried again");
    }

    /// Payments as they fall due, each taken, until `stop`.
    fn due(&self, stop: CancellationToken) -> impl Stream<Item = (Payment, Duration)> {
        futures::stream::unfold(stop, async |stop| {
            while !stop.is_cancelled() {
                let due = self.take_due().await.unwrap_or_else(|error| {
                    tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "unfinished payments wait");
                    Vec::new()
                });
                if !due.is_empty() {
                    return Some((futures::stream::iter(due), stop));
                }
                tokio::select! {
                    () = self.wait() => {}
                    () = stop.cancelled() => {}
                }
            }
            None
        })
        .flatten()
    }

    async fn take_due(&self) -> Result<Vec<(Payment, Duration)>, Error> {
        let due = self.payments.due(BATCH).await?;
        let unfinished = self.payments.unfinished().await?;
        gauge("payments_pending", unfinished.pending);
        gauge("refunds_pending", unfinished.refunding);
        Ok(due)
    }

    /// Takes a payment as far as it goes: to its outcome, and to its refund where it is to be given back.
    async fn finish(&self, payment: Payment) -> Result<(), Error> {
        let payment = if payment.status == Status::Pending { self.ask_again(payment).await? } else { payment };
        let Status::Refunding { reference } = payment.status else { return Ok(()) };
        let Intent { order, transaction, amount, provider, .. } = payment.intent;
        let refund = Refund { key: format!("{transaction}-refund"), reference, amount };
        self.providers.get(provider)?.refund(&refund).await?;
        self.payments.refunded(transaction).await?;
        tracing::info!(order_uuid = %order, transaction_uuid = %transaction, "refunded");
        Ok(())
    }

    /// Waits until there is a refund to be made, or a payment may be due.
    async fn wait(&self) {
        let _ = tokio::time::timeout(POLL, self.refunds.notified()).await;
    }

    /// The payment of the caller's own order; a service sees all.
    pub async fn find(&self, caller: &Caller, order: Uuid) -> Result<Payment, Error> {
        let payment = self.payments.find(order).await?;
        payment.filter(|payment| caller.may_see(payment.intent.user)).ok_or(Error::NotFound)
    }
}

fn gauge(name: &'static str, count: i64) {
    metrics::gauge!(name).set(f64::from(i32::try_from(count).unwrap_or(i32::MAX)));
}
