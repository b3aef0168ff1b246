//! Shows deliveries.

use contracts::ids::{OrderId, UserId};
use platform::auth::Caller;

use super::DeliveryService;
use crate::{
    error::Error,
    generate::basket_key,
    repository::{ActiveOrder, Shown},
};

/// The name in security events when an operator sees another user's delivery.
const GET_STATUS: &str = "/delivery.v1.DeliveryService/GetDeliveryStatus";
const MAX_ACTIVE: i64 = 1_000;

impl DeliveryService {
    /// Users see the deliveries of their own orders; operators and services see all, also those of baskets.
    pub async fn show(&self, caller: &Caller, order: OrderId) -> Result<Shown, Error> {
        let shown = match self.deliveries.show(order).await? {
            None => self.deliveries.show(basket_key(order)).await?,
            shown => shown,
        };
        let owner = |shown: &Shown| shown.delivery.user.map(UserId::uuid);
        shown.filter(|shown| caller.may_inspect(owner(shown), order.uuid(), GET_STATUS)).ok_or(Error::NotFound)
    }

    /// Returns up to 1 000 orders that wait for a courier or are carried, of `user` or of all users, longest wait first.
    pub async fn active(&self, user: Option<UserId>) -> Result<Vec<ActiveOrder>, Error> {
        self.deliveries.active(user, MAX_ACTIVE).await
    }
}
