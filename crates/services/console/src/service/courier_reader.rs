//! A reader of the couriers: it returns first all couriers, then each courier that changes.

use std::{collections::VecDeque, sync::Arc};

use contracts::{ids::UserId, proto::delivery::v1::Courier};
use platform::auth::{Caller, User};
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Couriers, Live, stream_slots::Slot};
use crate::error::Error;

pub struct CourierReader {
    couriers: Couriers,
    caller: Caller,
    /// The couriers that the reader has yet to return; they come before further changes.
    known: VecDeque<Courier>,
    changes: broadcast::Receiver<Arc<Courier>>,
    slot: Slot,
}

impl Couriers {
    /// Reads the couriers, as the user may see them, in one of the streams of `live`.
    pub async fn read(&self, live: &Live, user: User) -> Result<CourierReader, Error> {
        let (slot, caller) = (live.slot(UserId::new(user.uuid))?, Caller::User(user));
        // Subscribes to the changes before it reads the couriers, so that it misses no change in between.
        let changes = self.subscribe();
        let known = self.list(&caller).await?.into_iter().map(|one| one.courier).collect();
        Ok(CourierReader { couriers: self.clone(), caller, known, changes, slot })
    }
}

impl CourierReader {
    /// Returns the next courier. `None` ends the stream: its slot is needed, the service stops, or the owner of the courier's order could
    /// not be determined.
    pub async fn next(&mut self) -> Option<Courier> {
        while !self.slot.closing.is_cancelled() {
            if let Some(courier) = self.known.pop_front() {
                return self.couriers.visible(courier, &self.caller).await.ok().map(|visible| visible.courier);
            }
            let changed = tokio::select! {
                changed = self.changes.recv() => changed,
                () = self.slot.closing.cancelled() => return None,
            };
            match changed {
                Ok(changed) => self.known.push_back(changed.as_ref().clone()),
                // More couriers have changed at once than a stream holds. The changes left in the stream may be older
                // than the couriers as last seen, so the reader replaces both.
                Err(RecvError::Lagged(_)) => {
                    self.changes = self.couriers.subscribe();
                    self.known = self.couriers.last_seen().into();
                }
                Err(RecvError::Closed) => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use platform::{grpc::Peer, ids, postgres::Database};

    use super::*;
    use crate::{client::Delivery, repository::PgTimeline};

    fn courier(number: usize, speed: i32) -> Courier {
        Courier { id: number.to_string(), speed, ..Courier::default() }
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_gets_every_courier_and_further_changes() {
        // The couriers carry nothing, so the timeline is not asked who owns an order.
        let database = "postgres://127.0.0.1:1/none".to_owned().into();
        let database = Database::lazy("console", "CONSOLE_DATABASE_URL", &database, 1).unwrap();
        let timeline = Arc::new(PgTimeline::new(database));
        let peer = Peer::lazy("delivery", "DELIVERY_ADDRESS", "127.0.0.1:1").unwrap();
        let couriers = Couriers::new(Delivery::new(peer.clone(), peer.clone(), peer), timeline.clone());
        let user = User::plain(ids::random());
        let mut reader = CourierReader {
            couriers: couriers.clone(),
            caller: Caller::User(user),
            known: VecDeque::new(),
            changes: couriers.subscribe(),
            slot: Live::new(timeline, 1).slot(UserId::new(user.uuid)).unwrap(),
        };
        let mut all: Vec<Courier> = (0..1_000).map(|number| courier(number, 1)).collect();

        couriers.tell(all.clone());
        for expected in &all {
            assert_eq!(reader.next().await.as_ref(), Some(expected));
        }
        all[7] = courier(7, 2);
        couriers.tell(all);

        assert_eq!(reader.next().await, Some(courier(7, 2)));
    }
}
