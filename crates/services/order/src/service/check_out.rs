//! Creates an order of the checkout: parts are given by UUID or name, prices are compared, and the order pays itself.

use contracts::{
    caseless::caseless,
    ids::{OrderId, PartId, UserId},
    money::Money,
};

use super::{OrderService, create::another_user};
use crate::{
    client::PricedPart,
    error::{Error, OrderRefusal},
    model::{Claim, DeliveryAddress, NewOrder, RequestOutcome},
};

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
    /// The price of one piece; `None` if the number in the request is not an amount of money.
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
            let order = NewOrder { delivery_address, ..NewOrder::new(execution.order, caller, parts) };
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
