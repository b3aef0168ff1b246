//! Records what happens to the rows of each order, and checks each step against the model.

use std::collections::BTreeMap;

use contracts::ids::OrderId;
use order::repository::MemoryOrders;
use payment::repository::MemoryPayments;
use simulation::{Rows, check};

/// The beginning of a problem that a recording has.
pub const PREFIX: &str = "recorded: ";

#[derive(Default)]
pub struct Recording {
    rows: BTreeMap<OrderId, Rows>,
    pub problems: Vec<String>,
}

impl Recording {
    /// Records the state after a statement of order or payment.
    pub fn observe(&mut self, orders: &MemoryOrders, payments: &MemoryPayments) {
        let mut now = self.rows.clone();
        for order in orders.all() {
            let rows = now.entry(order.uuid).or_default();
            // Without an attempt in progress, the twin shows no epoch. It changes with the next attempt alone.
            if let Some(lease) = orders.current_lease(order.uuid) {
                (rows.epoch, rows.shared) = (lease.epoch, lease.shared);
            }
            rows.order.status = order.status;
            (rows.order.attempts, rows.order.attempt) = (order.attempts, order.attempt);
            rows.order.payment = order.payment;
        }
        for payment in payments.all() {
            let (intent, cancelled) = (payment.intent, payment.cancelled);
            let rows = now.entry(intent.order).or_default();
            rows.put(intent.attempt, intent.transaction, payment.status, cancelled);
        }
        for order in payments.void() {
            now.entry(order).or_default().void = true;
        }
        for (order, rows) in now {
            let before = self.rows.remove(&order).unwrap_or_default();
            let states = [before, rows];
            if let Err(found) = check(&states) {
                self.problems.push(format!("{PREFIX}order {order}: {found}"));
            }
            let [_, rows] = states;
            self.rows.insert(order, rows);
        }
    }
}
