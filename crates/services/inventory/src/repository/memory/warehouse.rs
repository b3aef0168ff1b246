//! The in-memory implementation of [`Warehouse`].

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{events::Cause, ids::OrderId};
use platform::auth::Author;
use uuid::Uuid;

use super::{MemoryInventory, Reservation, Tables};
use crate::{
    error::Error,
    model::{Lines, ReservedLine, Status},
    repository::{ABSENCE_COUNTS_FOR, Due, Expiry, Warehouse},
};

impl MemoryInventory {
    /// Creates the order's reservation, or renews an expired one with its original lines and prices.
    fn make(
        &self,
        tables: &mut Tables,
        order: OrderId,
        lines: &Lines,
        expiry: Expiry,
    ) -> Result<Vec<ReservedLine>, Error> {
        let now = self.clock.now();
        let items = if let Some(expired) = tables.reservations.get(&order) {
            tables.check(&expired.lines())?;
            expired.items.clone()
        } else {
            tables.check(&lines.iter().collect::<Vec<_>>())?;
            let reserved = |(part, quantity)| ReservedLine { part, quantity, unit_price: tables.parts[&part].price };
            lines.iter().map(reserved).collect()
        };
        tables.change(&items, now, |stock, quantity| {
            stock.available -= quantity;
            stock.reserved += quantity;
        })?;
        let (status, expires_at) = self.kept(expiry);
        let reservation = tables.reservations.entry(order).or_insert_with(|| Reservation::new(items.clone(), now));
        reservation.change(status, expires_at, now);
        Ok(items)
    }

    /// The status and the time of expiry of a reservation that is made or renewed now.
    fn kept(&self, expiry: Expiry) -> (Status, Option<DateTime<Utc>>) {
        match expiry {
            Expiry::After(time) => (Status::Held, Some(self.clock.now() + time)),
            Expiry::Never => (Status::Confirmed, None),
        }
    }
}

#[async_trait]
impl Warehouse for MemoryInventory {
    async fn reserve(&self, order: OrderId, lines: &Lines, expiry: Expiry) -> Result<Vec<ReservedLine>, Error> {
        let mut tables = self.tables();
        match tables.reservations.get_mut(&order) {
            Some(reservation) if reservation.status == Status::Released => Err(Error::ReservationEnded(order)),
            Some(reservation) if reservation.status != Status::Expired => {
                if reservation.status == Status::Held {
                    let (status, expires_at) = self.kept(expiry);
                    reservation.change(status, expires_at, self.clock.now());
                }
                Ok(reservation.items.clone())
            }
            _ => self.make(&mut tables, order, lines, expiry),
        }
    }

    async fn release(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error> {
        let mut tables = self.tables();
        if self.is_duplicate(cause) {
            return Ok(());
        }
        self.record(cause);
        let now = self.clock.now();
        let tombstone = || {
            let never_made = Reservation::new(Vec::new(), now);
            Reservation { status: Status::Released, first_ended_at: Some(now), ..never_made }
        };
        let reservation = tables.reservations.entry(order).or_insert_with(tombstone);
        let before = reservation.status;
        match before {
            Status::Committed => return Err(Error::ReservationEnded(order)),
            Status::Released => return Ok(()),
            Status::Held | Status::Confirmed | Status::Expired => {}
        }
        reservation.change(Status::Released, None, now);
        let items = reservation.items.clone();
        if before.holds_stock() {
            tables.change(&items, now, |stock, quantity| {
                stock.available += quantity;
                stock.reserved -= quantity;
            })?;
        }
        Ok(())
    }

    async fn commit(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error> {
        let mut tables = self.tables();
        if self.is_duplicate(cause) {
            return Ok(());
        }
        self.record(cause);
        let mut reservation = tables.reservations.get(&order).cloned().ok_or(Error::ReservationNotFound(order))?;
        match reservation.status {
            Status::Committed => return Ok(()),
            Status::Released => return Err(Error::ReservationEnded(order)),
            Status::Expired => tables.check(&reservation.lines())?,
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

    async fn due(&self, limit: i64) -> Result<Due, Error> {
        let now = self.clock.now();
        let mut due: Vec<(DateTime<Utc>, OrderId)> = self
            .tables()
            .reservations
            .iter()
            .filter_map(|(order, reservation)| Some((reservation.expires_at?, *order)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort();
        due.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(Due { orders: due.into_iter().map(|(_, order)| order).collect(), read_at: now })
    }

    async fn confirm(&self, orders: &[OrderId]) -> Result<u64, Error> {
        let mut tables = self.tables();
        let mut confirmed = 0;
        for order in orders {
            if let Some(held) = tables.reservations.get_mut(order).filter(|one| one.status == Status::Held) {
                held.change(Status::Confirmed, None, self.clock.now());
                confirmed += 1;
            }
        }
        Ok(confirmed)
    }

    async fn expire(&self, orders: &[OrderId], read_at: DateTime<Utc>) -> Result<u64, Error> {
        let mut tables = self.tables();
        let now = self.clock.now();
        if now > read_at + ABSENCE_COUNTS_FOR {
            return Ok(0);
        }
        let mut expired = 0;
        for order in orders {
            let Some(due) = tables.reservations.get_mut(order).filter(|one| one.expires_at.is_some_and(|at| at <= now))
            else {
                continue;
            };
            due.change(Status::Expired, None, now);
            let items = due.items.clone();
            tables.change(&items, now, |stock, quantity| {
                stock.available += quantity;
                stock.reserved -= quantity;
            })?;
            expired += 1;
        }
        Ok(expired)
    }

    async fn restock(&self, restock: Uuid, lines: &Lines, _: &Author) -> Result<(), Error> {
        let mut tables = self.tables();
        if let Some((part, _)) = lines.iter().find(|(part, _)| !tables.parts.contains_key(part)) {
            return Err(Error::PartNotFound(part));
        }
        if let Some(earlier) = tables.restocks.get(&restock) {
            return if earlier == lines { Ok(()) } else { Err(Error::AnotherRestock) };
        }
        tables.restocks.insert(restock, lines.clone());
        for (part, quantity) in lines.iter() {
            let part = tables.part(part)?;
            part.stock.restocked += quantity;
            part.stock.available += quantity;
            part.updated_at = self.clock.now();
        }
        Ok(())
    }
}
