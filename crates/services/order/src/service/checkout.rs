//! Creates an order of `/api/orders`: at the prices that the request names, to be paid from the user's balance.

use contracts::ids::{OrderId, PartId, UserId};
use contracts::money::Money;

use super::{OrderService, idempotency::Execution};
use crate::{
    client::Reserved,
    error::{Error, Refusal},
    model::{Claim, DeliveryAddress, NewOrder, Outcome},
};

/// An order to be created, as requested.
#[derive(Clone, Debug)]
pub struct Checkout {
    pub uuid: OrderId,
    /// The caller's uuid or login.
    pub buyer: String,
    pub delivery_address: Option<DeliveryAddress>,
    pub items: Vec<Item>,
}

impl Checkout {
    /// The number of parts, repeats counted.
    pub fn pieces(&self) -> usize {
        self.items.iter().map(|item| item.quantity).sum()
    }
}

#[derive(Clone, Debug)]
pub struct Item {
    /// A part's uuid or name.
    pub product: String,
    pub quantity: usize,
    /// Of one piece, in major units.
    pub price: f64,
}

/// An item whose part is known.
struct Line {
    part: PartId,
    quantity: usize,
    price: f64,
}

impl OrderService {
    /// Answers [`Outcome::Created`]. [`Refusal::PriceChanged`] when a price is not that of the reservation; nothing is kept then: no order
    /// is written before the comparison, and a reservation without an order expires if the process dies before it is released.
    pub async fn check_out(&self, caller: UserId, checkout: Checkout, claim: Option<&Claim>) -> Result<Outcome, Error> {
        if !self.is_user(caller, &checkout.buyer).await? {
            return Err(Error::UserMismatch);
        }
        let precheck = async {
            let lines = self.lines(&checkout.items).await?;
            self.inventory.check(&order(checkout.uuid, caller, &lines).quantities()).await
        };
        self.idempotent(claim, checkout.uuid, precheck, async |execution| {
            let lines = self.lines(&checkout.items).await?;
            let mut order = order(execution.order, caller, &lines);
            order.delivery_address.clone_from(&checkout.delivery_address);
            let reserved = self.inventory.reserve(order.uuid, &order.quantities(), false).await?;
            if let Some(part) = changed_price(&lines, &reserved) {
                return Err(self.release(order.uuid, Refusal::PriceChanged(part), execution).await);
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
        Ok(self.users.login(caller).await?.as_deref() == Some(buyer))
    }

    /// Looks up the parts of the items by name.
    async fn lines(&self, items: &[Item]) -> Result<Vec<Line>, Error> {
        let uuid = |item: &Item| item.product.parse().ok().map(PartId::new);
        // No name has a NUL character, and inventory refuses a request with one.
        let is_name = |item: &&Item| uuid(item).is_none() && !item.product.contains('\0');
        let mut names: Vec<String> = items.iter().filter(is_name).map(|item| item.product.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let known = if names.is_empty() { Vec::new() } else { self.inventory.named(&names).await? };
        let line = |(index, item): (usize, &Item)| {
            let by_name = || known.iter().find(|(name, _)| *name == item.product).map(|(_, part)| *part);
            let part = uuid(item).or_else(by_name).ok_or(Error::PartNameNotFound(index))?;
            Ok(Line { part, quantity: item.quantity, price: item.price })
        };
        items.iter().enumerate().map(line).collect()
    }

    /// Releases the reservation of an order that is refused. The key remembers the refusal before: a repeat could not reserve again.
    async fn release(&self, order: OrderId, refusal: Refusal, execution: Execution<'_>) -> Error {
        if let Some(claim) = execution.claim {
            match self.keys.complete(claim, &Outcome::Refused(refusal.clone())).await {
                Ok(true) => {}
                Ok(false) => return Error::KeyInProgress,
                Err(error) => return error,
            }
        }
        self.release_reservation(order).await;
        refusal.into()
    }
}

fn order(uuid: OrderId, user: UserId, lines: &[Line]) -> NewOrder {
    let parts = lines.iter().flat_map(|line| std::iter::repeat_n(line.part, line.quantity)).collect();
    NewOrder::new(uuid, user, parts)
}

/// Returns the first part whose price differs from the price in its line.
fn changed_price(lines: &[Line], reserved: &[Reserved]) -> Option<PartId> {
    let price = |part| reserved.iter().find(|reserved| reserved.part == part).map(|reserved| reserved.unit_price);
    // Both are the nearest double of a decimal number: equal numbers are equal bits.
    let same = |line: &&Line| price(line.part).map(Money::to_major) == Some(line.price);
    lines.iter().find(|line| !same(line)).map(|line| line.part)
}
