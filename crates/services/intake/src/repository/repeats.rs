//! Stores orders, and compares those whose order_uid exists with the stored ones.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{Orders, StoredOrder};
use crate::{
    error::Error,
    model::{Order, OrderUid},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    New,
    /// The same order is already stored, or an order with this order_uid was stored and then erased.
    Repeated,
    /// Another order with this order_uid is stored.
    Reused,
}

/// Stores orders in one write; of several with the same order_uid, the first. Returns the result of each order.
pub async fn store(repository: &dyn Orders, orders: &[Arc<Order>]) -> Result<Vec<Written>, Error> {
    let mut firsts: HashMap<&OrderUid, usize> = HashMap::with_capacity(orders.len());
    let mut distinct = Vec::with_capacity(orders.len());
    for (place, order) in orders.iter().enumerate() {
        if let Entry::Vacant(entry) = firsts.entry(&order.order_uid) {
            entry.insert(place);
            distinct.push(&**order);
        }
    }
    let inserted = repository.insert(&distinct).await?;
    let there = firsts.keys().copied().filter(|uid| !inserted.contains(*uid)).collect();
    let stored = compare(repository, orders, there).await?;
    let written = orders.iter().enumerate().map(|(place, order)| {
        let first = firsts[&order.order_uid];
        let is_same = match stored.get(&place) {
            Some(is_same) => *is_same,
            // The key existed during the insert and has been removed since, so it belonged to an erased order.
            None if !inserted.contains(&order.order_uid) => true,
            None if place == first => return Written::New,
            None => orders[first] == *order,
        };
        if is_same { Written::Repeated } else { Written::Reused }
    });
    Ok(written.collect())
}

/// Returns the positions of the orders whose uid is stored, each with true if the order equals the stored one or the
/// stored one is erased. Holds at most one page of stored orders in memory.
async fn compare(
    repository: &dyn Orders,
    orders: &[Arc<Order>],
    mut there: Vec<&OrderUid>,
) -> Result<HashMap<usize, bool>, Error> {
    let mut same = HashMap::new();
    while !there.is_empty() {
        let page = repository.stored(&there).await?;
        if page.is_empty() {
            break;
        }
        for (place, order) in orders.iter().enumerate() {
            match page.get(&order.order_uid) {
                Some(StoredOrder::Order(stored)) => drop(same.insert(place, **stored == **order)),
                Some(StoredOrder::Erased) => drop(same.insert(place, true)),
                None => {}
            }
        }
        there.retain(|uid| !page.contains_key(*uid));
    }
    Ok(same)
}
