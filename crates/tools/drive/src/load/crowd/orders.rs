//! The users' orders: the unpaid ones in the order of creation, and each user's latest.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

/// The number of a user's orders that are never paid. The shop refuses the 1 001st of a day, even if earlier ones were
/// cancelled, and requests in flight may exceed the bound.
pub const MAX_UNPAID: usize = 900;

#[derive(Default)]
pub struct Orders(Mutex<State>);

#[derive(Default)]
struct State {
    /// Unpaid orders with their users.
    unpaid: VecDeque<(usize, Uuid)>,
    users: Vec<User>,
}

#[derive(Clone, Default)]
struct User {
    never_paid: usize,
    latest: Option<Uuid>,
}

impl Orders {
    pub fn new(users: usize) -> Self {
        Self(Mutex::new(State { unpaid: VecDeque::new(), users: vec![User::default(); users] }))
    }

    pub fn unpaid(&self) -> usize {
        self.state().unpaid.len()
    }

    pub fn latest(&self, user: usize) -> Option<Uuid> {
        self.state().users.get(user)?.latest
    }

    /// Returns a user who may create another order: `user`, or the next such user.
    pub fn may_create(&self, user: usize) -> Option<usize> {
        let state = self.state();
        let count = state.users.len();
        (0..count).map(|step| (user + step) % count).find(|user| state.users[*user].never_paid < MAX_UNPAID)
    }

    pub fn add(&self, user: usize, order: Uuid) {
        let mut state = self.state();
        state.users[user].never_paid += 1;
        state.users[user].latest = Some(order);
        state.unpaid.push_back((user, order));
    }

    /// Removes and returns the oldest unpaid order, so that only the caller pays or cancels it.
    pub fn take(&self) -> Option<(usize, Uuid)> {
        self.state().unpaid.pop_front()
    }

    /// Records that an order of the user was paid.
    pub fn paid(&self, user: usize) {
        let mut state = self.state();
        state.users[user].never_paid = state.users[user].never_paid.saturating_sub(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_with_many_unpaid_orders_makes_no_more_until_some_are_paid() {
        let orders = Orders::new(2);
        for number in 0..MAX_UNPAID as u128 {
            orders.add(0, Uuid::from_u128(number));
        }

        assert_eq!((orders.may_create(0), orders.may_create(1)), (Some(1), Some(1)));
        for number in 0..MAX_UNPAID as u128 {
            orders.add(1, Uuid::from_u128(number));
        }
        assert_eq!(orders.may_create(0), None);
        let (user, _) = orders.take().unwrap();
        assert_eq!(orders.may_create(1), None);
        orders.paid(user);
        assert_eq!(orders.may_create(1), Some(0));
    }
}
