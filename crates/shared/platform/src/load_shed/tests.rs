//! Tests of the limits of all requests and of one user's.

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};

use super::*;

const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

impl UserSlots {
    async fn take_for(&self, user: Uuid, body: usize) -> Option<UserSlot> {
        Some(self.reserve_for(user, body)?.turn().await)
    }
}

/// Returns how many of `requests` requests of [`ONE`] are handled at once, the requests that wait, and the slots of the handled ones.
fn at_once(slots: &UserSlots, requests: usize) -> (usize, Vec<BoxFuture<'_, Option<UserSlot>>>, Vec<UserSlot>) {
    let (mut waiting, mut handled) = (Vec::new(), Vec::new());
    for _ in 0..requests {
        let mut slot = slots.take_for(ONE, 1).boxed();
        match slot.as_mut().now_or_never() {
            Some(slot) => handled.extend(slot),
            None => waiting.push(slot),
        }
    }
    (handled.len(), waiting, handled)
}

#[tokio::test]
async fn a_user_has_a_quarter_of_the_slots_and_a_user_without_requests_leaves_nothing_behind() {
    let slots = UserSlots::quarter_of(8);

    let held = [slots.take_for(ONE, 1).await, slots.take_for(ONE, 1).await];
    assert!(held.iter().all(Option::is_some));
    assert!(slots.take_for(ONE, 1).await.is_none());
    assert!(slots.take_for(OTHER, 1).await.is_some());
    drop(held);

    assert!(slots.0.lock().own.is_empty());
    assert!(slots.take_for(ONE, 1).await.is_some());
}

#[tokio::test]
async fn a_user_has_a_quarter_of_the_bytes_and_small_bodies_are_not_counted() {
    let slots = UserSlots::quarter_of(100);

    let large = slots.take_for(ONE, MAX_BYTES_PER_USER).await;
    assert!(large.is_some() && slots.take_for(ONE, MAX_UNCOUNTED_BYTES + 1).await.is_none());
    assert!(
        slots.take_for(ONE, MAX_UNCOUNTED_BYTES).await.is_some()
            && slots.take_for(OTHER, MAX_BYTES_PER_USER).await.is_some()
    );
    drop(large);

    assert!(slots.take_for(ONE, MAX_BYTES_PER_USER).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_users_requests_wait_for_each_other_while_another_user_is_active() {
    let slots = UserSlots::quarter_of(100);
    assert_eq!(at_once(&slots, 20).0, 20, "it is alone");

    drop(slots.take_for(OTHER, 1).await);
    let (count, waiting, handled) = at_once(&slots, 20);
    assert_eq!(count, 2);
    drop(handled);
    let mut slots_in_turn = stream::iter(waiting).buffered(20);
    for turn in 0..18 {
        let slot = slots_in_turn.next().now_or_never().flatten().flatten();
        assert!(slot.is_some(), "{turn}");
    }

    tokio::time::advance(ACTIVE_FOR).await;
    assert_eq!(at_once(&slots, 20).0, 20, "it is alone again");
    let others = slots.take_for(OTHER, 1).await;
    tokio::time::advance(2 * ACTIVE_FOR).await;
    assert_eq!(at_once(&slots, 20).0, 2, "the other's request is still handled");
    drop(others);
}

#[tokio::test(start_paused = true)]
async fn a_user_has_at_most_twice_as_many_requests_handled_as_the_busiest_other_user_asks_for() {
    for (busy, expected) in [(1, 2), (2, 4), (3, 4), (4, 8), (50, 8)] {
        let slots = UserSlots::quarter_of(400);
        let mut others: Vec<_> = (0..busy).map(|_| slots.take_for(OTHER, 1).boxed()).collect();
        let held: Vec<_> = others.iter_mut().map(|slot| slot.as_mut().now_or_never()).collect();

        let (count, waiting, handled) = at_once(&slots, 20);
        drop(handled);
        let later: Vec<_> = waiting.into_iter().filter_map(futures::FutureExt::now_or_never).collect();

        assert_eq!((count, later.len()), (2, expected), "{busy}");
        drop(held);
    }
}
