//! The slots of the streams that may be open at once.
//!
//! One user may have all slots while no other user needs one. When all slots are taken, a user with fewer streams gets
//! the slot of the oldest stream of the user who has the most. So a flood of streams closes streams of the flooding
//! user first.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contracts::ids::UserId;
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// The slots of streams. Clones share them.
#[derive(Clone)]
pub struct StreamSlots(Arc<Inner>);

struct Inner {
    count: usize,
    closing: CancellationToken,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// The streams of each user, by a growing number, with the token that ends each stream.
    users: HashMap<UserId, BTreeMap<u64, CancellationToken>>,
}

/// A slot, which is freed when it is dropped.
pub struct Slot {
    slots: StreamSlots,
    user: UserId,
    number: u64,
    /// Ends the stream: another user gets its slot, or the service stops.
    pub closing: CancellationToken,
}

impl StreamSlots {
    /// Creates `count` slots. All their streams end once `closing` is cancelled.
    pub fn new(count: usize, closing: CancellationToken) -> Self {
        Self(Arc::new(Inner { count, closing, open: Mutex::default() }))
    }

    pub fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Takes a slot for a stream of `user`. Returns `None` if all slots are taken and no other user has more streams
    /// than `user` would have.
    pub fn take(&self, user: UserId) -> Option<Slot> {
        let mut open = self.lock();
        if open.users.values().map(BTreeMap::len).sum::<usize>() >= self.0.count && !open.displace_for(user) {
            return None;
        }
        let (number, closing) = (open.next, self.0.closing.child_token());
        open.next += 1;
        open.users.entry(user).or_default().insert(number, closing.clone());
        drop(open);
        metrics::stream_opened();
        Some(Slot { slots: self.clone(), user, number, closing })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Ends the oldest stream of the user who has the most. Returns false if that user would then have fewer than
    /// `user`.
    fn displace_for(&mut self, user: UserId) -> bool {
        let own = self.users.get(&user).map_or(0, BTreeMap::len);
        let largest = self.users.iter_mut().max_by_key(|(_, streams)| streams.len());
        let Some((_, streams)) = largest.filter(|(_, streams)| streams.len() > own + 1) else { return false };
        if let Some((_, closing)) = streams.pop_first() {
            closing.cancel();
        }
        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        if let Some(streams) = open.users.get_mut(&self.user) {
            streams.remove(&self.number);
            if streams.is_empty() {
                open.users.remove(&self.user);
            }
        }
        drop(open);
        metrics::stream_closed();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_user_has_all_slots_until_others_need_them() {
        let slots = StreamSlots::new(4, CancellationToken::new());
        let [one, other, third] = [1, 2, 3].map(|number| UserId::new(Uuid::from_u128(number)));
        let all: Vec<_> = (0..4).filter_map(|_| slots.take(one)).collect();
        assert!(all.len() == 4 && slots.take(one).is_none());

        let others = [slots.take(other).unwrap(), slots.take(other).unwrap()];
        assert!(slots.take(other).is_none(), "they have two each");
        let ended = || all.iter().map(|slot| slot.closing.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(ended(), [true, true, false, false]);
        assert!(others.iter().all(|slot| !slot.closing.is_cancelled()));

        let _third = slots.take(third).unwrap();
        let is_ended = |slot: &Slot| slot.closing.is_cancelled();
        assert_eq!(all.iter().chain(&others).filter(|slot| is_ended(slot)).count(), 3);
        drop((all, others));
        assert_eq!(slots.lock().users.len(), 1, "what has ended leaves nothing behind");
    }
}
