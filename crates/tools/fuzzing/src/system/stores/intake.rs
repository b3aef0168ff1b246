//! Orders of the stream.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Mutex,
    time::Duration,
};

use async_trait::async_trait;
use intake::{
    error::Error,
    model::{Order, OrderUid},
    repository::{Orders, PositionedOrder, StoredOrder},
};

use super::locked;

/// Orders by order_uid; `None` for an erased one.
#[derive(Default)]
pub struct StreamedOrders(Mutex<BTreeMap<OrderUid, Option<Order>>>);

impl StreamedOrders {
    fn of(&self, customer_id: &str) -> Vec<OrderUid> {
        let orders = locked(&self.0);
        let own = orders.iter().filter(|(_, order)| order.as_ref().is_some_and(|one| one.customer_id == customer_id));
        own.map(|(uid, _)| uid.clone()).collect()
    }
}

#[async_trait]
impl Orders for StreamedOrders {
    async fn insert(&self, orders: &[&Order]) -> Result<HashSet<OrderUid>, Error> {
        let mut stored = locked(&self.0);
        let new: Vec<&Order> = orders.iter().copied().filter(|order| !stored.contains_key(&order.order_uid)).collect();
        stored.extend(new.iter().map(|order| (order.order_uid.clone(), Some((*order).clone()))));
        Ok(new.into_iter().map(|order| order.order_uid.clone()).collect())
    }

    async fn stored(&self, uids: &[&OrderUid]) -> Result<HashMap<OrderUid, StoredOrder>, Error> {
        let stored = locked(&self.0);
        let row = |order: &Option<Order>| match order {
            Some(order) => StoredOrder::Order(Box::new(order.clone())),
            None => StoredOrder::Erased,
        };
        Ok(uids.iter().filter_map(|uid| Some(((*uid).clone(), row(stored.get(uid)?)))).collect())
    }

    /// Only the load of the cache at the start reads these.
    async fn latest(&self, _: Option<i64>, _: i64) -> Result<Vec<PositionedOrder>, Error> {
        Ok(Vec::new())
    }

    async fn of_customer(&self, customer_id: &str, after: &str, limit: i64) -> Result<Vec<OrderUid>, Error> {
        let mut uids = self.of(customer_id);
        uids.retain(|uid| uid.as_str() > after);
        uids.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(uids)
    }

    async fn erase(&self, customer_id: &str, limit: i64) -> Result<Vec<OrderUid>, Error> {
        let mut erased = self.of(customer_id);
        erased.truncate(usize::try_from(limit).unwrap_or_default());
        locked(&self.0).extend(erased.iter().map(|uid| (uid.clone(), None)));
        Ok(erased)
    }

    async fn erased_within(&self, _: Duration, _: i64) -> Result<Vec<OrderUid>, Error> {
        Ok(Vec::new())
    }
}
