//! Creates an order: reserves its parts, then writes the order with the prices of the reservation.
//!
//! The statement that writes the order also checks the limit on a user's unpaid orders:
//! `repository/postgres/grouped/orders.rs`.

use contracts::{
    caseless::caseless,
    ids::{OrderId, PartId, UserId},
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

    /// Reserves the parts of a new order. If one is out of stock, looks whether the user's own unpaid order holds it,
    /// as when the answer to an earlier request was lost.
    async fn reserve(&self, order: &NewOrder) -> Result<Vec<PricedPart>, Error> {
        let refused = match self.inventory.reserve(order.uuid, order.user, &order.quantities(), false).await {
            Err(Error::Refused(OrderRefusal::OutOfStock(part))) => part,
            reserved => return reserved,
        };
        let holder = self.orders.holder(order.user, refused).await?;
        let held = |order| OrderRefusal::HeldByOwnOrder { part: refused, order };
        Err(holder.map_or(OrderRefusal::OutOfStock(refused), held).into())
    }

    /// Writes an order whose parts are reserved.
    async fn write(
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
    /// because a repeated request could not reserve parts for this order again.
    async fn refuse(&self, order: OrderId, refusal: OrderRefusal, execution: Execution<'_>) -> Error {
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
    /// the idempotency key first, so that a repeated request creates another order: parts cannot be reserved for this
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
fn another_user(caller: UserId) -> Error {
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

#[derive(Clone, Debug)]
pub struct Checkout {
    pub uuid: OrderId,
    /// The caller's UUID or login, in any spelling that iam accepts.
    pub buyer: String,
    pub delivery_address: Option<DeliveryAddress>,
    pub items: Vec<Item>,
}

impl Checkout {
    pub fn pieces(&self) -> usize {
        self.items.iter().map(|item| item.quantity).sum()
    }
}

#[derive(Clone, Debug)]
pub struct Item {
    /// A part's UUID or name.
    pub product: String,
    pub quantity: usize,
    /// The price of one piece; `None` if the number in the request is no amount of money.
    pub price: Option<Money>,
}

/// An item whose part has been looked up.
struct Line {
    part: PartId,
    quantity: usize,
    price: Option<Money>,
}

impl OrderService {
    /// Creates the order and returns [`RequestOutcome::Created`]. Fails with [`OrderRefusal::PriceChanged`] if a price
    /// in the request differs from the reservation's price. In that case no order is written and the reservation is
    /// released, or expires if the process dies before.
    pub async fn check_out(
        &self,
        caller: UserId,
        checkout: Checkout,
        claim: Option<&Claim>,
    ) -> Result<RequestOutcome, Error> {
        self.idempotent(claim, checkout.uuid, async |execution| {
            if !self.is_user(caller, &checkout.buyer).await? {
                return Err(another_user(caller));
            }
            let lines = self.lines(&checkout.items).await?;
            let parts = lines.iter().flat_map(|line| std::iter::repeat_n(line.part, line.quantity)).collect();
            let delivery_address = checkout.delivery_address.clone();
            let order = NewOrder { uuid: execution.order, user: caller, parts, delivery_address };
            let reserved = self.reserve(&order).await?;
            if let Some(part) = changed_price(&lines, &reserved) {
                return Err(self.refuse(order.uuid, OrderRefusal::PriceChanged(part), execution).await);
            }
            let created = self.write(order, &reserved, true, execution).await?;
            self.self_payments.notify_one();
            Ok(created)
        })
        .await
    }

    async fn is_user(&self, caller: UserId, buyer: &str) -> Result<bool, Error> {
        if buyer.parse() == Ok(caller.uuid()) {
            return Ok(true);
        }
        Ok(self.users.login(caller).await?.is_some_and(|login| caseless(&login) == caseless(buyer)))
    }

    /// Resolves the part of each item, which is given by UUID or by name.
    async fn lines(&self, items: &[Item]) -> Result<Vec<Line>, Error> {
        let uuid = |item: &Item| item.product.parse().ok().map(PartId::new);
        // No part's name has a NUL character, and inventory would refuse a request with one.
        let is_name = |item: &&Item| uuid(item).is_none() && !item.product.contains('\0');
        let mut names: Vec<String> = items.iter().filter(is_name).map(|item| item.product.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let known = if names.is_empty() { Vec::new() } else { self.inventory.named(&names).await? };
        let line = |(index, item): (usize, &Item)| {
            let by_name = || known.iter().find(|(name, _)| *name == item.product).map(|(_, part)| *part);
            let part = uuid(item).or_else(by_name).ok_or(OrderRefusal::PartNameNotFound(index))?;
            Ok(Line { part, quantity: item.quantity, price: item.price })
        };
        items.iter().enumerate().map(line).collect()
    }
}

/// Returns the first part whose price differs from the price in its line.
fn changed_price(lines: &[Line], reserved: &[PricedPart]) -> Option<PartId> {
    let price = |part| reserved.iter().find(|reserved| reserved.part == part).map(|reserved| reserved.unit_price);
    let same = |line: &&Line| line.price.is_some() && price(line.part) == line.price;
    lines.iter().find(|line| !same(line)).map(|line| line.part)
}
