//! The in-memory implementation of [`Warehouse`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{OrderId, PartId},
};
use platform::{auth::Author, jobs::MOVED_BACK_FOR};
use uuid::Uuid;

use super::{MemoryInventory, Reservation, Tables};
use crate::{
    error::Error,
    model::{Ended, Expiry, Lines, ReservedLine, Status, Stock},
    repository::{ABSENCE_COUNTS_FOR, Due, ReservationRequest, Warehouse},
};

impl MemoryInventory {
    fn reserve_for(&self, tables: &mut Tables, request: &ReservationRequest) -> Result<Vec<ReservedLine>, Error> {
        match tables.reservations.get_mut(&request.order) {
            Some(reservation) if reservation.status != Status::Expired => {
                let (status, expires_at) = self.kept(request.expiry);
                if changes(request.order, reservation.status, status)? {
                    reservation.change(status, expires_at, self.clock.now());
                }
                Ok(reservation.items.clone())
            }
            _ => self.make(tables, request),
        }
    }

    /// Creates the order's reservation, or renews an expired one with its original lines and prices.
    fn make(&self, tables: &mut Tables, request: &ReservationRequest) -> Result<Vec<ReservedLine>, Error> {
        let ReservationRequest { order, lines, expiry, holder } = request;
        let now = self.clock.now();
        let holder_if_held = holder.filter(|_| *expiry != Expiry::Never);
        let before = tables.reservations.get(order).map(|expired| expired.status);
        let items = if let Some(expired) = tables.reservations.get(order) {
            tables.check(&expired.lines(), holder_if_held)?;
            expired.items.clone()
        } else {
            tables.check(&lines.iter().collect::<Vec<_>>(), holder_if_held)?;
            let reserved = |(part, quantity)| ReservedLine { part, quantity, unit_price: tables.parts[&part].price };
            lines.iter().map(reserved).collect()
        };
        let (status, expires_at) = self.kept(*expiry);
        tables.change(&items, before, status, now)?;
        let reservation = tables.reservations.entry(*order).or_insert_with(|| Reservation::new(items.clone(), now));
        reservation.user = holder.map(|holder| holder.user);
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

/// Returns true if a request for the status `to` changes the order's reservation.
fn changes(order: OrderId, before: Status, to: Status) -> Result<bool, Error> {
    before.changes_to(to).map_err(|Ended| Error::ReservationEnded(order))
}

#[async_trait]
impl Warehouse for MemoryInventory {
    async fn reserve(&self, requests: Vec<ReservationRequest>) -> Vec<Result<Vec<ReservedLine>, Error>> {
        let mut tables = self.tables();
        requests.iter().map(|request| self.reserve_for(&mut tables, request)).collect()
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
        if !changes(order, before, Status::Released)? {
            return Ok(());
        }
        reservation.change(Status::Released, None, now);
        let items = reservation.items.clone();
        tables.change(&items, Some(before), Status::Released, now)
    }

    async fn commit(&self, order: OrderId, cause: Option<Cause>) -> Result<(), Error> {
        let mut tables = self.tables();
        if self.is_duplicate(cause) {
            return Ok(());
        }
        self.record(cause);
        let mut reservation = tables.reservations.get(&order).cloned().ok_or(Error::ReservationNotFound(order))?;
        let before = reservation.status;
        if !changes(order, before, Status::Committed)? {
            return Ok(());
        }
        if !before.holds_stock() {
            tables.check(&reservation.lines(), None)?;
        }
        tables.change(&reservation.items, Some(before), Status::Committed, self.clock.now())?;
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
            .filter_map(|(order, reservation)| Some((reservation.due_at()?, *order)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort();
        due.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(Due { orders: due.into_iter().map(|(_, order)| order).collect(), read_at: now })
    }

    async fn move_back(&self, order: OrderId) -> Result<(), Error> {
        if let Some(held) = self.tables().reservations.get_mut(&order) {
            held.next_try_at = Some(self.clock.now() + MOVED_BACK_FOR);
        }
        Ok(())
    }

    async fn keep(&self, orders: &[OrderId], expiry: Expiry) -> Result<u64, Error> {
        let mut tables = self.tables();
        let (status, expires_at) = self.kept(expiry);
        let mut kept = 0;
        for order in orders {
            if let Some(held) = tables.reservations.get_mut(order).filter(|one| one.status == Status::Held) {
                held.change(status, expires_at, self.clock.now());
                kept += 1;
            }
        }
        Ok(kept)
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
            tables.change(&items, Some(Status::Held), Status::Expired, now)?;
            expired += 1;
        }
        Ok(expired)
    }

    #[expect(clippy::cast_precision_loss, reason = "a stock has far fewer than 2^52 units")]
    async fn unpaid_share(&self) -> Result<f64, Error> {
        let tables = self.tables();
        let mut held: BTreeMap<PartId, i64> = BTreeMap::new();
        for item in tables.reservations.values().filter(|one| one.status == Status::Held).flat_map(|one| &one.items) {
            *held.entry(item.part).or_default() += item.quantity;
        }
        let share = |(part, units): (PartId, i64)| {
            let Stock { available, reserved, .. } = tables.parts[&part].stock;
            units as f64 / (available + reserved) as f64
        };
        Ok(held.into_iter().map(share).fold(0.0, f64::max))
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
