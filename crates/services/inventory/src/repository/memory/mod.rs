//! An in-memory implementation of the stores, for tests and the simulation.

mod warehouse;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{OrderId, PartId, UserId},
};
use outbox::inbox::MemoryInbox;
use platform::clock::Virtual;
use uuid::Uuid;

use super::Catalogue;
use crate::{
    error::Error,
    model::{Filter, Holder, Lines, NewPart, Page, Part, ReservedLine, Status, Stock},
};

/// The stores of parts and reservations, in memory. Clones share the tables.
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

    /// Fails unless every part exists, has enough available units, and leaves the holder within a user's share.
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

#[derive(Clone, Debug)]
pub struct Reservation {
    pub status: Status,
    pub user: Option<UserId>,
    /// `None` once the reservation is confirmed or has ended.
    pub expires_at: Option<DateTime<Utc>>,
    /// A reservation that was moved back is due again at this time.
    pub next_try_at: Option<DateTime<Utc>>,
    pub items: Vec<ReservedLine>,
    /// When the reservation first expired, or was released or committed.
    pub first_ended_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

impl Reservation {
    fn new(items: Vec<ReservedLine>, now: DateTime<Utc>) -> Self {
        let status = Status::Held;
        Self { status, user: None, expires_at: None, next_try_at: None, items, first_ended_at: None, updated_at: now }
    }

    fn due_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at.map(|at| self.next_try_at.unwrap_or(at).max(at))
    }

    /// Records the times as the table's trigger does.
    fn change(&mut self, status: Status, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        self.status = status;
        self.expires_at = expires_at;
        self.updated_at = now;
        if !matches!(status, Status::Held | Status::Confirmed) {
            self.first_ended_at = self.first_ended_at.or(Some(now));
        }
    }

    fn lines(&self) -> Vec<(PartId, i64)> {
        self.items.iter().map(|item| (item.part, item.quantity)).collect()
    }
}

#[async_trait]
impl Catalogue for MemoryInventory {
    async fn seed(&self, parts: &[NewPart]) -> Result<u64, Error> {
        let mut tables = self.tables();
        let now = self.clock.now();
        let mut added = 0;
        for new in parts {
            let position = i64::try_from(tables.parts.len()).unwrap_or(i64::MAX).saturating_add(1);
            tables.parts.entry(new.id).or_insert_with(|| {
                added += 1;
                listed(new.clone(), position, now)
            });
        }
        Ok(added)
    }

    async fn find(&self, part: PartId) -> Result<Option<Part>, Error> {
        Ok(self.tables().parts.get(&part).cloned())
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<(Vec<Part>, Option<i64>), Error> {
        let mut parts: Vec<Part> = self
            .tables()
            .parts
            .values()
            .filter(|part| part.position > page.after && filter.matches(part))
            .cloned()
            .collect();
        parts.sort_by_key(|part| part.position);
        let next = page.cut(&mut parts, |last| last.position);
        Ok((parts, next))
    }
}

fn listed(new: NewPart, position: i64, now: DateTime<Utc>) -> Part {
    Part {
        id: new.id,
        position,
        name: new.name,
        description: new.description,
        price: new.price,
        stock: Stock { initial: new.stock, available: new.stock, ..Stock::default() },
        category: new.category,
        dimensions: new.dimensions,
        manufacturer: new.manufacturer,
        tags: new.tags,
        metadata: new.metadata,
        created_at: now,
        updated_at: now,
    }
}
