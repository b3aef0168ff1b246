//! An in-memory implementation of the stores, for tests and the simulation.

mod catalogue;
mod reservation;
mod warehouse;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{OrderId, PartId, UserId},
};
use platform::{clock::Virtual, inbox::MemoryInbox};
pub use reservation::Reservation;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Holder, Lines, Part, ReservedLine, Status, Stock},
};

/// Clones share the tables.
#[derive(Clone, Default)]
pub struct MemoryInventory {
    tables: Arc<Mutex<Tables>>,
    pub inbox: MemoryInbox,
    clock: Virtual,
}

#[derive(Default)]
struct Tables {
    parts: BTreeMap<PartId, Part>,
    reservations: BTreeMap<OrderId, Reservation>,
    restocks: BTreeMap<Uuid, Lines>,
}

impl MemoryInventory {
    /// All reservations, for audits.
    pub fn reservations(&self) -> BTreeMap<OrderId, Reservation> {
        self.tables().reservations.clone()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_duplicate(&self, cause: Option<Cause>) -> bool {
        cause.is_some_and(|cause| self.inbox.events(cause.consumer).contains(&cause.event.uuid()))
    }

    fn record(&self, cause: Option<Cause>) {
        if let Some(cause) = cause {
            self.inbox.fresh(cause.consumer, cause.event.uuid());
        }
    }
}

impl Tables {
    fn part(&mut self, part: PartId) -> Result<&mut Part, Error> {
        self.parts.get_mut(&part).ok_or(Error::PartNotFound(part))
    }

    /// Fails unless every part exists, has enough available units, and leaves the holder within his share.
    fn check(&self, lines: &[(PartId, i64)], holder: Option<Holder>) -> Result<(), Error> {
        if let Some((part, _)) = lines.iter().find(|(part, _)| !self.parts.contains_key(part)) {
            return Err(Error::PartNotFound(*part));
        }
        let short = |(part, quantity): &&(PartId, i64)| self.parts[part].stock.available < *quantity;
        if let Some((part, _)) = lines.iter().find(short) {
            return Err(Error::OutOfStock(*part));
        }
        let Some(Holder { user, max_share }) = holder else { return Ok(()) };
        let too_many = |(part, quantity): &&(PartId, i64)| {
            let Stock { available, reserved, .. } = self.parts[part].stock;
            !max_share.allows(self.held(user, *part) + quantity, available + reserved)
        };
        lines.iter().find(too_many).map_or(Ok(()), |(part, _)| Err(Error::TooManyReserved(*part)))
    }

    /// The units of a part in the user's held reservations.
    fn held(&self, user: UserId, part: PartId) -> i64 {
        let of_user = |one: &&Reservation| one.status == Status::Held && one.user == Some(user);
        let items = self.reservations.values().filter(of_user).flat_map(|one| &one.items);
        items.filter(|item| item.part == part).map(|item| item.quantity).sum()
    }

    /// Moves the units of a reservation whose status changes.
    fn change(
        &mut self,
        items: &[ReservedLine],
        from: Option<Status>,
        to: Status,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        for item in items {
            let part = self.part(item.part)?;
            if part.stock.follow(item.quantity, from, to) {
                part.updated_at = now;
            }
        }
        Ok(())
    }
}
