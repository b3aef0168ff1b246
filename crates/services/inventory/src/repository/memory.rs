//! Parts and reservations in memory, for tests and the simulation.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use platform::{clock::Virtual, inbox::MemoryInbox};
use uuid::Uuid;

use super::{Catalogue, Delivery, Hold, Warehouse};
use crate::{
    error::Error,
    model::{Filter, Lines, NewPart, Page, Part, Reserved, Status, Stock},
};

/// Tables behind a lock; clones share them.
#[derive(Clone, Default)]
pub struct MemoryInventory {
    tables: Arc<Mutex<Tables>>,
    pub inbox: MemoryInbox,
    clock: Virtual,
}

#[derive(Default)]
struct Tables {
    parts: BTreeMap<Uuid, Part>,
    reservations: BTreeMap<Uuid, Reservation>,
    restocks: BTreeMap<Uuid, Lines>,
}

/// What an order holds.
#[derive(Clone, Debug)]
pub struct Reservation {
    pub status: Status,
    /// When it ends by itself, while nobody has confirmed it.
    pub expires_at: Option<DateTime<Utc>>,
    pub items: Vec<Reserved>,
    /// When it was confirmed for the first time.
    pub first_confirmed_at: Option<DateTime<Utc>>,
    /// When it expired, or was released or committed, for the first time.
    pub first_ended_at: Option<DateTime<Utc>>,
}

impl Reservation {
    /// One without a history.
    fn of(items: Vec<Reserved>) -> Self {
        Self { status: Status::Held, expires_at: None, items, first_confirmed_at: None, first_ended_at: None }
    }

    /// Changes its status, and notes the time as the table's trigger does.
    fn change(&mut self, status: Status, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        self.status = status;
        self.expires_at = expires_at;
        match status {
            Status::Held => {}
            Status::Confirmed => self.first_confirmed_at = self.first_confirmed_at.or(Some(now)),
            Status::Released | Status::Committed | Status::Expired => {
                self.first_ended_at = self.first_ended_at.or(Some(now));
            }
        }
    }
}

impl Tables {
    fn part(&mut self, part: Uuid) -> Result<&mut Part, Error> {
        self.parts.get_mut(&part).ok_or(Error::PartNotFound(part))
    }

    /// Fails unless all of it can be taken.
    fn check(&self, wanted: impl IntoIterator<Item = (Uuid, i64)> + Clone) -> Result<(), Error> {
        if let Some((part, _)) = wanted.clone().into_iter().find(|(part, _)| !self.parts.contains_key(part)) {
            return Err(Error::PartNotFound(part));
        }
        let short = |(part, quantity): &(Uuid, i64)| self.parts[part].stock.available < *quantity;
        wanted.into_iter().find(short).map_or(Ok(()), |(part, _)| Err(Error::OutOfStock(part)))
    }

    fn change(
        &mut self,
        items: &[Reserved],
        now: DateTime<Utc>,
        change: impl Fn(&mut Stock, i64),
    ) -> Result<(), Error> {
        for item in items {
            let part = self.part(item.part)?;
            change(&mut part.stock, item.quantity);
            part.updated_at = now;
        }
        Ok(())
    }
}

fn pairs(items: &[Reserved]) -> Vec<(Uuid, i64)> {
    items.iter().map(|item| (item.part, item.quantity)).collect()
}

impl MemoryInventory {
    /// Every reservation by its order, for an auditor.
    pub fn reservations(&self) -> BTreeMap<Uuid, Reservation> {
        self.tables().reservations.clone()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when the event that causes a change has had its effect.
    fn seen(&self, cause: Option<Delivery>) -> bool {
        cause.is_some_and(|cause| self.inbox.events(cause.consumer).contains(&cause.event))
    }

    fn note(&self, cause: Option<Delivery>) {
        if let Some(cause) = cause {
            self.inbox.fresh(cause.consumer, cause.event);
        }
    }

    fn take(&self, tables: &mut Tables, order: Uuid, lines: &Lines, hold: Hold) -> Result<Vec<Reserved>, Error> {
        let now = self.clock.now();
        let items = if let Some(expired) = tables.reservations.get(&order) {
            tables.check(pairs(&expired.items))?;
            expired.items.clone()
        } else {
            tables.check(lines.iter().collect::<Vec<_>>())?;
            let reserved = |(part, quantity)| Reserved { part, quantity, unit_price: tables.parts[&part].price };
            lines.iter().map(reserved).collect()
        };
        tables.change(&items, now, |stock, quantity| {
            stock.available -= quantity;
            stock.reserved += quantity;
        })?;
        let (status, expires_at) = match hold {
            Hold::For(time) => (Status::Held, Some(now + time)),
            Hold::Confirmed => (Status::Confirmed, None),
        };
        let reservation = tables.reservations.entry(order).or_insert_with(|| Reservation::of(items.clone()));
        reservation.change(status, expires_at, now);
        Ok(items)
    }
}

#[async_trait]
impl Warehouse for MemoryInventory {
    async fn reserve(
        &self,
        order: Uuid,
        lines: &Lines,
        hold: Hold,
        cause: Option<Delivery>,
    ) -> Result<Vec<Reserved>, Error> {
        let mut tables = self.tables();
        if self.seen(cause) {
            return Ok(Vec::new());
        }
        let outcome = match tables.reservations.get_mut(&order) {
            Some(reservation) if reservation.status == Status::Released => Err(Error::ReservationEnded(order)),
            Some(reservation) if reservation.status != Status::Expired => {
                if reservation.status == Status::Held && hold == Hold::Confirmed {
                    reservation.change(Status::Confirmed, None, self.clock.now());
                }
                Ok(reservation.items.clone())
            }
            _ => self.take(&mut tables, order, lines, hold),
        };
        if !matches!(outcome, Err(Error::PartNotFound(_))) {
            self.note(cause);
        }
        outcome
    }

    async fn release(&self, order: Uuid, cause: Option<Delivery>) -> Result<(), Error> {
        let mut tables = self.tables();
        if self.seen(cause) {
            return Ok(());
        }
        self.note(cause);
        let gone = || Reservation { status: Status::Released, ..Reservation::of(Vec::new()) };
        let reservation = tables.reservations.entry(order).or_insert_with(gone);
        if reservation.status == Status::Committed {
            return Err(Error::ReservationEnded(order));
        }
        let before = reservation.status;
        reservation.change(Status::Released, None, self.clock.now());
        let items = reservation.items.clone();
        if before.holds_stock() {
            tables.change(&items, self.clock.now(), |stock, quantity| {
                stock.available += quantity;
                stock.reserved -= quantity;
            })?;
        }
        Ok(())
    }

    async fn commit(&self, order: Uuid, cause: Option<Delivery>) -> Result<(), Error> {
        let mut tables = self.tables();
        if self.seen(cause) {
            return Ok(());
        }
        self.note(cause);
        let mut reservation = tables.reservations.get(&order).cloned().ok_or(Error::ReservationNotFound(order))?;
        match reservation.status {
            Status::Committed => return Ok(()),
            Status::Released => return Err(Error::ReservationEnded(order)),
            Status::Expired => tables.check(pairs(&reservation.items))?,
            Status::Held | Status::Confirmed => {}
        }
        tables.change(&reservation.items, self.clock.now(), |stock, quantity| {
            let from = if reservation.status.holds_stock() { &mut stock.reserved } else { &mut stock.available };
            *from -= quantity;
            stock.consumed += quantity;
        })?;
        reservation.change(Status::Committed, None, self.clock.now());
        tables.reservations.insert(order, reservation);
        Ok(())
    }

    async fn expire(&self, limit: i64) -> Result<u64, Error> {
        let mut tables = self.tables();
        let now = self.clock.now();
        let mut due: Vec<(DateTime<Utc>, Uuid)> = tables
            .reservations
            .iter()
            .filter_map(|(order, reservation)| Some((reservation.expires_at?, *order)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort();
        due.truncate(usize::try_from(limit).unwrap_or_default());
        let mut expired = 0;
        for (_, order) in due {
            if let Some(reservation) = tables.reservations.get_mut(&order) {
                reservation.change(Status::Expired, None, now);
                let items = reservation.items.clone();
                tables.change(&items, now, |stock, quantity| {
                    stock.available += quantity;
                    stock.reserved -= quantity;
                })?;
                expired += 1;
            }
        }
        Ok(expired)
    }

    async fn restock(&self, restock: Uuid, lines: &Lines) -> Result<(), Error> {
        let mut tables = self.tables();
        if let Some((part, _)) = lines.iter().find(|(part, _)| !tables.parts.contains_key(part)) {
            return Err(Error::PartNotFound(part));
        }
        if tables.restocks.insert(restock, lines.clone()).is_some() {
            return Ok(());
        }
        for (part, quantity) in lines.iter() {
            let part = tables.part(part)?;
            part.stock.restocked += quantity;
            part.stock.available += quantity;
            part.updated_at = self.clock.now();
        }
        Ok(())
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
            tables.parts.entry(new.uuid).or_insert_with(|| {
                added += 1;
                listed(new.clone(), position, now)
            });
        }
        Ok(added)
    }

    async fn find(&self, part: Uuid) -> Result<Option<Part>, Error> {
        Ok(self.tables().parts.get(&part).cloned())
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Part>, Error> {
        let mut parts: Vec<Part> = self
            .tables()
            .parts
            .values()
            .filter(|part| part.position > page.after && filter.matches(part))
            .cloned()
            .collect();
        parts.sort_by_key(|part| part.position);
        if let Some(size) = page.size {
            parts.truncate(usize::try_from(size.get()).unwrap_or(usize::MAX));
        }
        Ok(parts)
    }
}

fn listed(new: NewPart, position: i64, now: DateTime<Utc>) -> Part {
    Part {
        uuid: new.uuid,
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
