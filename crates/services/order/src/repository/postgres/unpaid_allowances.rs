//! Allowances: numbers of orders that a user may create without another count of the user's unpaid orders.
//!
//! A count reads up to a thousand rows, so a user who never pays would slow down the creation of all users' orders.
//! After a count, this process creates orders for a tenth of the remaining room without another count. So a single
//! process never exceeds the limit, and each further replica may exceed it by a tenth at most.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use contracts::ids::UserId;
use moka::sync::Cache;

/// A user with fewer unpaid orders needs no allowance, since the count is cheap.
const MIN_UNPAID: i64 = 32;
/// The minimum room for an allowance, because a count excludes the orders that the same statement creates.
const MIN_ROOM: i64 = 100;
/// An allowance expires, since other replicas create orders meanwhile.
const TTL: Duration = Duration::from_mins(1);
/// The maximum number of users whose allowances are kept. An entry takes some 200 bytes.
const MAX_USERS: u64 = 10_000;

#[derive(Clone)]
pub struct Allowances(Cache<UserId, Arc<AtomicI64>>);

impl Default for Allowances {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_USERS).time_to_live(TTL).build())
    }
}

impl Allowances {
    /// Takes one order of the user's allowance. Returns false if none is left, so that the unpaid orders must be
    /// counted.
    pub fn take(&self, user: UserId) -> bool {
        self.0.get(&user).is_some_and(|left| left.fetch_sub(1, Relaxed) > 0)
    }

    /// Grants a tenth of the remaining room to a user with `unpaid` of at most `max` unpaid orders. Grants nothing
    /// below `MIN_UNPAID` orders or `MIN_ROOM`.
    pub fn grant(&self, user: UserId, unpaid: i64, max: u32) {
        let room = i64::from(max) - unpaid;
        if unpaid >= MIN_UNPAID && room >= MIN_ROOM {
            self.0.insert(user, Arc::new(AtomicI64::new(room / 10)));
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::ids;

    use super::*;

    /// Returns the size of the allowance of a user with `unpaid` orders, of at most 1 000.
    fn size(unpaid: i64) -> usize {
        let (allowances, user) = (Allowances::default(), UserId::new(ids::random()));
        allowances.grant(user, unpaid, 1_000);
        std::iter::from_fn(|| allowances.take(user).then_some(())).count()
    }

    #[test]
    fn an_allowance_is_a_tenth_of_the_room() {
        assert_eq!([size(31), size(32), size(500), size(900), size(901), size(1_000)], [0, 96, 50, 10, 0, 0]);
    }
}
