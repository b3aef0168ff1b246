//! Lists the orders of a customer.

use super::{IntakeService, LOOKUP_TIMEOUT};
use crate::{
    error::Error,
    model::{Order, OrderUid},
    repository::StoredOrder,
};

/// The maximum number of orders per page, since the size of [`PAGE_BYTES`](crate::repository::PAGE_BYTES) counts only their items.
const PAGE: i64 = 16;

impl IntakeService {
    /// Returns a customer's orders after an order_uid, by order_uid, and the uid after which the next page begins. An order that is erased
    /// meanwhile is left out.
    pub async fn of_customer(
        &self,
        customer_id: &str,
        after: &OrderUid,
    ) -> Result<(Vec<Order>, Option<OrderUid>), Error> {
        let page = async {
            let uids = self.orders.of_customer(customer_id, after.as_str(), PAGE).await?;
            let stored = self.orders.stored(&uids.iter().collect::<Vec<_>>()).await?;
            Ok::<_, Error>((uids, stored))
        };
        let (uids, mut stored) = tokio::time::timeout(LOOKUP_TIMEOUT, page).await.map_err(|_| Error::TooSlow)??;
        let is_last = stored.len() == uids.len() && i64::try_from(uids.len()).is_ok_and(|count| count < PAGE);
        // A large page ends early: the next one begins after the last order that was read.
        let next = uids.iter().rfind(|uid| stored.contains_key(*uid)).cloned().filter(|_| !is_last);
        let orders = uids.iter().filter_map(|uid| match stored.remove(uid)? {
            StoredOrder::Order(order) => Some(*order),
            StoredOrder::Erased => None,
        });
        Ok((orders.collect(), next))
    }
}
