//! Creates an order: reserves its parts, then writes the order with the prices of the reservation.
//!
//! The statement that writes the order also checks the limit on a user's unpaid orders:
//! `repository/postgres/grouped/orders.rs`.

use contracts::{
    ids::{OrderId, UserId},
    money::Money,
};
use platform::{
    error_chain,
    outage::refused,
    security_events::{self, AccessRefusal, Event},
};

use super::{OrderService, idempotency::Execution};
use crate::{
    client::PricedPart,
    error::{Error, OrderRefusal},
    metrics,
    model::{Claim, DeliveryAddress, NewOrder, RequestOutcome},
    repository::OrderTerms,
};

impl OrderService {
    /// Fails if an order to this address has more pieces than a courier can carry.
    pub fn check_volume(&self, address: Option<&DeliveryAddress>, pieces: usize) -> Result<(), Error> {
        if address.is_some() && pieces > self.max_volume {
            return Err(Error::TooLargeToDeliver { max_volume: self.max_volume });
        }
        Ok(())
    }

    /// Creates an order and returns [`RequestOutcome::Created`]. If the process dies after the reservation and before
    /// the order is written, the reservation expires.
    pub async fn create(
        &self,
        caller: UserId,
        order: NewOrder,
        claim: Option<&Claim>,
    ) -> Result<RequestOutcome, Error> {
        self.idempotent(claim, order.uuid, async |execution| {
            if order.user != caller {
                return Err(another_user(caller));
            }
            let order = NewOrder { uuid: execution.order, ..order };
            let reserved = self.reserve(&order).await?;
            self.write(order, &reserved, false, execution).await
        })
        .await
    }

    /// Reserves the parts of a new order. If one is out of stock, the refusal names an unpaid order of the same user
    /// that holds it, which the user may not know if the response to its creation was lost.
    pub(super) async fn reserve(&self, order: &NewOrder) -> Result<Vec<PricedPart>, Error> {
        let refused = match self.inventory.reserve(order.uuid, order.user, &order.quantities(), false).await {
            Err(Error::Refused(OrderRefusal::OutOfStock(part))) => part,
            reserved => return reserved,
        };
        let holder = self.orders.holder(order.user, refused).await?;
        let held = |order| OrderRefusal::HeldByOwnOrder { part: refused, order };
        Err(holder.map_or(OrderRefusal::OutOfStock(refused), held).into())
    }

    /// Writes an order whose parts are reserved.
    pub(super) async fn write(
        &self,
        order: NewOrder,
        reserved: &[PricedPart],
        pays_itself: bool,
        execution: Execution<'_>,
    ) -> Result<RequestOutcome, Error> {
        let terms = match terms(&order, reserved, pays_itself) {
            Ok(terms) => terms,
            Err(Error::Refused(refusal)) => return Err(self.refuse(order.uuid, refusal, execution).await),
            Err(error) => return Err(self.give_back(order.uuid, error, execution).await),
        };
        let event = order.create(terms.total_price);
        let created = match self.orders.create(&order, &terms, &event, self.unpaid_limits, execution.claim).await {
            Err(error @ Error::TooManyUnpaid { .. }) => return Err(self.give_back(order.uuid, error, execution).await),
            created => created?,
        };
        self.relay.wake();
        metrics::created();
        tracing::info!(order_uuid = %created.uuid, user_uuid = %created.user, total_price = %created.total_price, "order created");
        Ok(RequestOutcome::Created { order: created.uuid, total_price: created.total_price })
    }

    /// Releases the reservation of an order that is refused. The refusal is stored under the idempotency key first,
    /// because a retry cannot reserve parts for this order again.
    pub(super) async fn refuse(&self, order: OrderId, refusal: OrderRefusal, execution: Execution<'_>) -> Error {
        if let Some(claim) = execution.claim {
            match self.keys.complete(claim, &RequestOutcome::Refused(refusal.clone())).await {
                Ok(true) => {}
                Ok(false) => return Error::KeyInProgress,
                Err(error) => return error,
            }
        }
        self.release_reservation(order).await;
        refusal.into()
    }

    /// Releases the reservation of an order that was refused for a reason that is not stored under its key. It deletes
    /// the idempotency key first, so that a retry creates another order: parts cannot be reserved for this
    /// order again.
    async fn give_back(&self, order: OrderId, error: Error, execution: Execution<'_>) -> Error {
        if let Some(claim) = execution.claim {
            match self.keys.forget(claim).await {
                Ok(true) => {}
                Ok(false) => return Error::KeyInProgress,
                Err(error) => return error,
            }
        }
        self.release_reservation(order).await;
        error
    }

    async fn release_reservation(&self, order: OrderId) {
        if let Err(error) = self.inventory.release(order).await {
            refused(
                "reservation of a refused order not released; it expires",
                format!("order {order}: {}", error_chain(error)),
            );
        }
    }
}

/// Records that the caller orders for another user, and returns the refusal.
pub(super) fn another_user(caller: UserId) -> Error {
    security_events::record(Event::AccessRefused { user: Some(caller.uuid()), reason: AccessRefusal::Object });
    Error::UserMismatch
}

fn terms(order: &NewOrder, reserved: &[PricedPart], pays_itself: bool) -> Result<OrderTerms, Error> {
    let price = |(part, _)| {
        let line = reserved.iter().find(|reserved| reserved.part == part);
        let line = line.ok_or_else(|| Error::Inconsistent(format!("inventory reserved no part {part}")))?;
        Ok(line.unit_price)
    };
    let unit_prices = order.quantities().into_iter().map(price).collect::<Result<_, Error>>()?;
    Ok(OrderTerms { total_price: total(reserved)?, unit_prices, pays_itself })
}

/// Fails with [`OrderRefusal::TotalTooLarge`].
fn total(reserved: &[PricedPart]) -> Result<Money, Error> {
    let mut total = Money::ZERO;
    for part in reserved {
        total = total.checked_add(part.unit_price.checked_mul(part.quantity)?)?;
    }
    Ok(total)
}
