//! Paying and refunding over the in-memory twins, with a provider that misbehaves on cue.

mod background;
mod paying;
mod refunds;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use contracts::events::{OrderCancelled, OrderOf, Received};
use contracts::ids::{EventId, OrderId, UserId};
use payment::{
    client::{MemoryProvider, Providers},
    error::Error,
    model::{Method, Status},
    repository::{MemoryPayments, Payments as _},
    service::{Charge, PaymentService},
};
use platform::ids;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{INITIAL, declines, money};

struct Shop {
    service: PaymentService,
    payments: MemoryPayments,
    provider: MemoryProvider,
    /// What the tests pay, unless they pay something else.
    charge: Charge,
}

fn shop() -> Shop {
    let (payments, provider) = (MemoryPayments::default(), MemoryProvider::new(money(INITIAL), declines()));
    let providers = Providers::new(Arc::new(provider.clone()), None);
    let service = PaymentService::new(Arc::new(payments.clone()), providers);
    let charge = Charge {
        order: ids::random(),
        attempt: NonZeroU32::MIN,
        user: ids::random(),
        method: Method::InvestorMoney,
        amount: money(1000),
    };
    Shop { service, payments, provider, charge }
}

impl Shop {
    async fn pay(&self) -> Result<Uuid, Error> {
        self.service.pay(&self.charge, ids::random()).await
    }

    async fn pay_again(&self) -> Result<Uuid, Error> {
        let attempt = self.charge.attempt.saturating_add(1);
        self.service.pay(&Charge { attempt, ..self.charge }, ids::random()).await
    }

    async fn cancel(&self) {
        let (uuid, order, user) = (ids::random(), self.charge.order, self.charge.user);
        let cancelled = Received {
            id: EventId::new(uuid),
            subject: OrderOf { order: OrderId::new(order), user: UserId::new(user) },
            event: OrderCancelled::default(),
        };
        self.service.cancel(&cancelled).await.unwrap();
    }

    /// Lets time pass, and what is due be done.
    async fn wait(&self) {
        self.finish(Duration::from_secs(30)).await;
    }

    async fn finish(&self, time: Duration) {
        let stop = CancellationToken::new();
        let stopped = async {
            tokio::time::sleep(time).await;
            stop.cancel();
        };
        tokio::join!(self.service.finish_due(stop.clone()), stopped);
    }

    async fn status(&self) -> Status {
        self.payments.find(self.charge.order).await.unwrap().unwrap().status
    }

    /// Charges and refunds ever made.
    fn movements(&self) -> (usize, usize) {
        let movements = self.provider.movements();
        let refunds = movements.iter().filter(|movement| movement.refund).count();
        (movements.len() - refunds, refunds)
    }
}
