//! Tests of charging and refunding over the in-memory implementations, with scripted faults of the provider.

mod partial_refunds;
mod paying;
mod refunds;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use contracts::ids::TransactionId;
use outbox::Waker;
use payment::{
    client::{MemoryProvider, Providers},
    error::Error,
    model::{Method, Status},
    repository::{MemoryPayments, Payments as _},
    service::{Charge, PaymentService},
};
use testkit::{new_cause, new_order, new_transaction, new_user};
use tokio_util::sync::CancellationToken;

use crate::{INITIAL_BALANCE, declines, money};

struct Fixture {
    service: PaymentService,
    payments: MemoryPayments,
    provider: MemoryProvider,
    /// The charge that the tests request by default.
    charge: Charge,
}

fn fixture() -> Fixture {
    fixture_with(Waker::default())
}

fn fixture_with(relay: Waker) -> Fixture {
    let (payments, provider) = (MemoryPayments::default(), MemoryProvider::new(money(INITIAL_BALANCE), declines()));
    let providers = Providers::new(Arc::new(provider.clone()), None);
    let service = PaymentService::new(Arc::new(payments.clone()), providers, relay);
    let charge = Charge {
        order: new_order(),
        attempt: NonZeroU32::MIN,
        user: new_user(),
        method: Method::InvestorMoney,
        amount: money(1000),
    };
    Fixture { service, payments, provider, charge }
}

fn service_over(payments: &MemoryPayments, providers: Providers) -> PaymentService {
    PaymentService::new(Arc::new(payments.clone()), providers, Waker::default())
}

impl Fixture {
    async fn pay(&self) -> Result<TransactionId, Error> {
        self.service.pay(&self.charge, new_transaction()).await
    }

    async fn pay_again(&self) -> Result<TransactionId, Error> {
        let attempt = self.charge.attempt.saturating_add(1);
        self.service.pay(&Charge { attempt, ..self.charge }, new_transaction()).await
    }

    async fn cancel(&self) {
        self.service.cancel(new_cause(), self.charge.order).await.unwrap();
    }

    async fn wait(&self) {
        self.finish(Duration::from_secs(30)).await;
    }

    async fn finish(&self, time: Duration) {
        let stop = CancellationToken::new();
        let stopped = async {
            tokio::time::sleep(time).await;
            stop.cancel();
        };
        tokio::join!(
            self.service.finish_payments(stop.clone()),
            self.service.finish_partial_refunds(stop.clone()),
            stopped
        );
    }

    async fn status(&self) -> Status {
        self.payments.find(self.charge.order).await.unwrap().unwrap().status
    }

    /// Returns the numbers of charges and refunds.
    fn movements(&self) -> (usize, usize) {
        let movements = self.provider.movements();
        let refunds = movements.iter().filter(|movement| movement.refund.is_some()).count();
        (movements.len() - refunds, refunds)
    }
}
