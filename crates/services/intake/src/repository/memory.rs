//! The in-memory implementation of the repository.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use platform::postgres::DatabaseError;
use tokio::time::Instant;

use super::{Orders, PAGE_BYTES, PAGE_ORDERS, PositionedOrder, StoredOrder};
use crate::{
    error::Error,
    model::{Order, OrderUid},
};

/// Orders, oldest first; clones share them.
#[derive(Clone, Default)]
pub struct MemoryOrders {
    rows: Arc<Mutex<Vec<Row>>>,
    is_away: Arc<AtomicBool>,
}

struct Row {
    uid: OrderUid,
    order: Option<Order>,
    erased: Option<Instant>,
}

impl Row {
    fn stored(&self) -> StoredOrder {
        self.order.clone().map_or(StoredOrder::Erased, |order| StoredOrder::Order(Box::new(order)))
    }
}

impl MemoryOrders {
    /// Makes the database unavailable or available.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Release);
    }

    /// All orders and tombstones, oldest first.
    pub fn all(&self) -> Vec<(OrderUid, StoredOrder)> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter().map(|row| (row.uid.clone(), row.stored())).collect()
    }

    fn rows(&self) -> Result<MutexGuard<'_, Vec<Row>>, Error> {
        if self.is_away.load(Ordering::Acquire) {
            return Err(DatabaseError::Unavailable(sqlx::Error::PoolTimedOut).into());
        }
        Ok(self.rows.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Ends a read after the order with which it exceeds [`PAGE_BYTES`].
fn page<'a, T>(rows: impl Iterator<Item = T>, order: impl Fn(&T) -> Option<&'a Order>) -> impl Iterator<Item = T> {
    let mut bytes = 0;
    rows.take_while(move |row| {
        let fits = bytes <= usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX);
        bytes += order(row).map_or(0, Order::size);
        fits
    })
}

#[async_trait]
impl Orders for MemoryOrders {
    async fn insert(&self, orders: &[&Order]) -> Result<HashSet<OrderUid>, Error> {
        let mut rows = self.rows()?;
        let known: HashSet<OrderUid> = rows.iter().map(|row| row.uid.clone()).collect();
        let new: Vec<&&Order> = orders.iter().filter(|order| !known.contains(&order.order_uid)).collect();
        rows.extend(new.iter().map(|order| Row {
            uid: order.order_uid.clone(),
            order: Some((**order).clone()),
            erased: None,
        }));
        Ok(new.into_iter().map(|order| order.order_uid.clone()).collect())
    }

    async fn stored(&self, uids: &[&OrderUid]) -> Result<HashMap<OrderUid, StoredOrder>, Error> {
        let rows = self.rows()?;
        let mut found: Vec<_> = rows.iter().filter(|row| uids.contains(&&row.uid)).collect();
        found.sort_unstable_by(|one, other| one.uid.cmp(&other.uid));
        let found = page(found.into_iter(), |row| row.order.as_ref());
        Ok(found.map(|row| (row.uid.clone(), row.stored())).collect())
    }

    async fn latest(&self, before: Option<i64>, limit: i64) -> Result<Vec<PositionedOrder>, Error> {
        let rows = self.rows()?;
        let numbered = rows
            .iter()
            .zip(1_i64..)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .filter(|(_, number)| before.is_none_or(|before| *number < before));
        let orders = numbered.filter_map(|(row, number)| Some((number, row.order.as_ref()?)));
        let orders = orders.take(usize::try_from(limit.min(PAGE_ORDERS)).unwrap_or_default());
        Ok(page(orders, |(_, order)| Some(*order)).map(|(number, order)| (number, order.clone())).collect())
    }

    async fn of_customer(&self, customer_id: &str, after: &str, limit: i64) -> Result<Vec<OrderUid>, Error> {
        let rows = self.rows()?;
        let own = rows.iter().filter(|row| row.order.as_ref().is_some_and(|order| order.customer_id == customer_id));
        let mut uids: Vec<_> = own.map(|row| row.uid.clone()).filter(|uid| uid.as_str() > after).collect();
        uids.sort_unstable();
        uids.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(uids)
    }

    async fn erase(&self, customer_id: &str, limit: i64) -> Result<Vec<OrderUid>, Error> {
        let mut rows = self.rows()?;
        let own =
            rows.iter_mut().filter(|row| row.order.as_ref().is_some_and(|order| order.customer_id == customer_id));
        let erased = own.take(usize::try_from(limit).unwrap_or_default()).map(|row| {
            (row.order, row.erased) = (None, Some(Instant::now()));
            row.uid.clone()
        });
        Ok(erased.collect())
    }

    async fn erased_within(&self, period: Duration, limit: i64) -> Result<Vec<OrderUid>, Error> {
        let rows = self.rows()?;
        let erased = rows.iter().filter(|row| row.erased.is_some_and(|at| at.elapsed() <= period));
        Ok(erased.take(usize::try_from(limit).unwrap_or_default()).map(|row| row.uid.clone()).collect())
    }
}
