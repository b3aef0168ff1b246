//! Stores in memory of the services that have no twin. They keep what the inputs write as far as an answer shows it.

mod console;
mod customers;
mod iam;
mod intake;
mod notifications;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::{
    console::UnreadTimeline,
    customers::{Customers, NoPayment},
    iam::{NoOpenOrders, Users},
    intake::StreamedOrders,
    notifications::Notifications,
};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
