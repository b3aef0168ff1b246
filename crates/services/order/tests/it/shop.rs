//! A shop in memory with an order service in it.

use std::{sync::Arc, time::Duration};

use contracts::ids::{OrderId, PartId, UserId};
use contracts::money::Money;
use order::{
    client::{MemoryInventory, MemoryPayments},
    model::{NewOrder, Order, Outcome},
    repository::{Attempts, IdempotencyKeys, MemoryOrders, Orders, Repositories},
    service::OrderService,
};
use platform::outbox::Waker;
use tokio_util::sync::CancellationToken;

use crate::ids;

/// How long orders of the shop wait for their payment.
pub const PAY_WITHIN: Duration = Duration::from_mins(15);

pub struct Shop {
    pub orders: MemoryOrders,
    pub inventory: MemoryInventory,
    pub payments: MemoryPayments,
    pub service: OrderService,
    pub user: UserId,
    /// A part that costs 100.00, of which there are ten.
    pub engine: PartId,
}

impl Shop {
    pub fn open() -> Self {
        let orders = MemoryOrders::default();
        let (inventory, payments) = (MemoryInventory::default(), MemoryPayments::default());
        let service = service(orders.clone(), &inventory, &payments);
        let engine = ids::part();
        inventory.put(engine, Money::from_minor(10_000).unwrap(), 10);
        Self { orders, inventory, payments, service, user: ids::user(), engine }
    }

    /// An order of one engine.
    pub async fn order(&self) -> OrderId {
        let order = NewOrder { uuid: ids::order(), user: self.user, parts: vec![self.engine] };
        match self.service.create(self.user, order, None).await.unwrap() {
            Outcome::Created { order, .. } => order,
            other => panic!("created an order and got {other:?}"),
        }
    }

    /// Lets the reconciler run for `time`.
    pub async fn reconcile(&self, time: Duration) {
        let stop = CancellationToken::new();
        let stopped = async {
            tokio::time::sleep(time).await;
            stop.cancel();
        };
        let (reconciled, ()) = tokio::join!(self.service.reconcile(stop.clone()), stopped);
        reconciled.unwrap();
    }

    pub async fn find(&self, order: OrderId) -> Order {
        self.service.find(self.user, order).await.unwrap()
    }

    /// The types of the events of an order, in their order.
    pub fn events(&self, order: OrderId) -> Vec<&'static str> {
        let events = self.orders.outbox.events();
        events.iter().filter(|(event, _)| event.key == order.uuid()).map(|(event, _)| event.kind).collect()
    }
}

/// An order service over these.
pub fn service<R>(repository: R, inventory: &MemoryInventory, payments: &MemoryPayments) -> OrderService
where
    R: Orders + Attempts + IdempotencyKeys + 'static,
{
    OrderService::new(
        Repositories::new(Arc::new(repository)),
        Arc::new(inventory.clone()),
        Arc::new(payments.clone()),
        Waker::default(),
        PAY_WITHIN,
    )
}
