//! The services' in-memory stores, as their processes use them. A process may die before or after each statement. The
//! database may be unavailable, or execute a statement and lose the response.

use std::{collections::HashMap, sync::Arc, time::Duration};

use assembly::{
    model::{Build, NewBuild},
    repository::{Builds, MemoryBuilds},
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{
    events::{Cause, OrderOf},
    ids::{EventId, OrderId, PartId, TransactionId, UserId},
};
use inventory::{
    model::{Expiry, Lines, ReservedLine},
    repository::{Catalogue as _, Due as DueReservations, MemoryInventory, ReservationRequest, Warehouse},
};
use order::{
    error::OrderRefusal,
    model::{AttemptLease, CheckoutDetails, Claim, Claimed, Event, NewOrder, Order, PaymentMethod, RequestOutcome},
    repository::{
        Attempts, Deliveries as OrderDeliveries, IdempotencyKeys, MemoryOrders, OrderTerms, Orders, ReportedEnd,
        Settlement, UnpaidLimits,
    },
};
use outbox::Record;
use payment::{
    model::{Intent, PartialRefund, Payment, RecordedRefund, RefundRequest, RefundState},
    repository::{Begun, MemoryPayments, PaymentPage, Payments, Refunds, Unfinished},
};
use platform::{auth::Author, cursor::Cursor};
use uuid::Uuid;

use crate::{
    plan::{Fault, Mistake},
    process::Process,
    world::{Name, World, locked},
};

#[derive(Clone)]
pub struct Steps<T> {
    pub process: Process,
    pub twin: T,
}

impl<T> Steps<T> {
    /// Marks a moment before or after a statement.
    pub async fn at(&self, what: &str) -> Result<(), sqlx::Error> {
        // The twins respond at once, so no other statement was made since this one.
        if what.starts_with("after ") && matches!(self.process.name, Name::Order | Name::Payment) {
            let stores = &self.process.world.stores;
            locked(&self.process.world.recording).observe(&stores.orders, &stores.payments);
        }
        self.process.step(what).await;
        if self.process.world.strikes(Fault::Database) {
            self.process.world.note(format_args!("the database of {:?} says nothing", self.process.name));
            return Err(sqlx::Error::PoolTimedOut);
        }
        Ok(())
    }

    /// Returns the cause for the inbox. With the mistake of a missing inbox, it is a new event.
    fn seen(&self, cause: Cause) -> Cause {
        let world = &self.process.world;
        if world.makes(Mistake::NoInbox) { Cause { event: EventId::new(world.uuid()), ..cause } } else { cause }
    }

    fn seen_if_any(&self, cause: Option<Cause>) -> Option<Cause> {
        cause.map(|cause| self.seen(cause))
    }
}

macro_rules! stepwise {
    ($trait:ident for $twin:ident, $error:ty {
        $(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty $(where $seen:ident = $fresh:ident)?;)*
    } $($own:tt)*) => {
        #[async_trait]
        impl $trait for Steps<$twin> {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$out, $error> {
                self.at(concat!("before ", stringify!($name))).await?;
                $(let $seen = self.$fresh($seen);)?
                let outcome = self.twin.$name($($arg),*).await;
                self.at(concat!("after ", stringify!($name))).await?;
                outcome
            })*
            $($own)*
        }
    };
}

pub(crate) use stepwise;

stepwise! {
    OrderDeliveries for MemoryOrders, order::error::Error {
        fn destination(order: OrderId) -> Option<order::model::Destination>;
        fn store_delivery(cause: Cause, subject: OrderOf, reported: &order::model::Delivery) -> bool
            where cause = seen;
    }
}

stepwise! {
    IdempotencyKeys for MemoryOrders, order::error::Error {
        fn claim(claim: &Claim, order: OrderId, lease: Duration) -> Claimed;
        fn complete(claim: &Claim, outcome: &RequestOutcome) -> bool;
        fn renew(claim: &Claim, lease: Duration) -> ();
        fn forget(claim: &Claim) -> bool;
        fn remove(age: Duration, limit: i64) -> u64;
    }
}

stepwise! {
    Orders for MemoryOrders, order::error::Error {
        fn find(user: UserId, order: OrderId) -> Option<Order>;
        fn owner(order: OrderId) -> Option<UserId>;
        fn checkout_details(order: OrderId) -> CheckoutDetails;
        fn due_to_pay_themselves(limit: i64, pause: Duration) -> Vec<(OrderId, UserId)>;
        fn existing(orders: &[OrderId]) -> HashMap<OrderId, order::model::Status>;
        fn holder(user: UserId, part: PartId) -> Option<OrderId>;
        fn open(user: UserId, limit: u8) -> (Vec<OrderId>, u32);
        fn page(user: UserId, after: Option<Cursor>, size: u8) -> (Vec<Order>, Option<Cursor>);
        fn overdue(limit: i64) -> Vec<(OrderId, UserId)>;
        fn assemble(cause: Cause, order: OrderId) -> bool where cause = seen;
        fn compensate(cause: Cause, order: OrderId, undone: &Event) -> bool where cause = seen;
    }

    async fn create(
        &self,
        order: &NewOrder,
        terms: &OrderTerms,
        event: &Event,
        unpaid_limits: UnpaidLimits,
        claim: Option<&Claim>,
    ) -> Result<Order, order::error::Error> {
        self.tell_first(event);
        self.at("before an order is written").await?;
        let created = self.twin.create(order, terms, event, unpaid_limits, claim).await;
        self.process.world.note(format_args!("order {} is written", order.uuid));
        self.at("after an order is written").await?;
        created
    }

    async fn cancel(&self, order: OrderId, event: &Event, claim: Option<&Claim>) -> Result<bool, order::error::Error> {
        self.tell_first(event);
        self.at("before an order is cancelled").await?;
        let cancelled = self.twin.cancel(order, event, claim).await;
        self.process.world.note(format_args!("order {order} is cancelled: {cancelled:?}"));
        self.at("after an order is cancelled").await?;
        cancelled
    }
}

stepwise! {
    Attempts for MemoryOrders, order::error::Error {
        fn begin(user: UserId, order: OrderId, method: PaymentMethod, lease_ttl: Duration, claim: Option<&Claim>)
            -> Option<(Order, Option<AttemptLease>)>;
        fn postpone(order: OrderId, lease: &AttemptLease, pause: Duration) -> ();
        fn long_unsettled(limit: i64) -> i64;
        fn skip(cause: Cause) -> () where cause = seen;
    }

    async fn take(
        &self,
        user: UserId,
        order: OrderId,
        attempt: i32,
        pause: Duration,
    ) -> Result<Option<AttemptLease>, order::error::Error> {
        self.at("before an attempt is taken over").await?;
        let taken = self.twin.take(user, order, attempt, pause).await;
        self.at("after an attempt is taken over").await?;
        Ok(taken?.map(|lease| self.handed(lease)))
    }

    async fn unsettled(
        &self,
        limit: i64,
        pause: Duration,
    ) -> Result<Vec<(Order, AttemptLease)>, order::error::Error> {
        self.at("before attempts are taken over").await?;
        let taken = self.twin.unsettled(limit, pause).await;
        self.at("after attempts are taken over").await?;
        Ok(taken?.into_iter().map(|(order, lease)| (order, self.handed(lease))).collect())
    }

    async fn settle(
        &self,
        order: OrderId,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&RequestOutcome>,
    ) -> Result<bool, order::error::Error> {
        if let Settlement::Paid { event, .. } | Settlement::Cancelled { event } | Settlement::Compensated { event, .. } = settlement
        {
            self.tell_first(event);
        }
        let careless = self.process.world.makes(Mistake::AbandonWhatMayBeCharged);
        let declined = Settlement::Declined(OrderRefusal::PaymentDeclined);
        let settlement =
            if careless && *settlement == Settlement::Abandoned { &declined } else { settlement };
        self.at("before an attempt is settled").await?;
        let attempt = lease.attempt.number;
        let settled = self.twin.settle(order, &self.shown(order, lease), settlement, outcome).await;
        self.process.world.note(format_args!("attempt {attempt} of order {order} ends: {settled:?} {settlement:?}"));
        self.at("after an attempt is settled").await?;
        settled
    }

    async fn settle_once(
        &self,
        cause: Cause,
        order: OrderId,
        attempt: i32,
        settled: &ReportedEnd,
    ) -> Result<bool, order::error::Error> {
        if let Settlement::Paid { event, .. } = &settled.settlement {
            self.tell_first(event);
        }
        self.at("before an event settles an attempt").await?;
        let cause = self.seen(cause);
        let ended = self.twin.settle_once(cause, order, attempt, settled).await;
        self.process.world.note(format_args!("an event ends attempt {attempt} of order {order}: {ended:?} {settled:?}"));
        self.at("after an event settles an attempt").await?;
        ended
    }
}

impl Steps<MemoryOrders> {
    /// Returns the lease for its process. With the mistake of abandoning what may be charged, it does not say that
    /// others had the attempt before.
    fn handed(&self, lease: AttemptLease) -> AttemptLease {
        let careless = self.process.world.makes(Mistake::AbandonWhatMayBeCharged);
        AttemptLease { shared: lease.shared && !careless, ..lease }
    }

    /// Returns the lease for the store. With the mistake of unfenced attempts, it is always the current one.
    fn shown(&self, order: OrderId, lease: &AttemptLease) -> AttemptLease {
        if !self.process.world.makes(Mistake::UnfencedAttempts) {
            return *lease;
        }
        self.twin.current_lease(order).map_or(*lease, |current| AttemptLease { attempt: lease.attempt, ..current })
    }

    /// Publishes an event before it is committed, if that is the plan's mistake.
    fn tell_first(&self, event: &Event) {
        let world = &self.process.world;
        if !world.makes(Mistake::PublishBeforeCommit) {
            return;
        }
        let outbox::Event { uuid, kind, key, payload } = event.into();
        let topics = &world.broker.topics;
        let topic = contracts::events::route_of(kind).map(|route| route.topic(topics).to_owned()).unwrap_or_default();
        let headers = [("event-uuid".to_owned(), uuid.to_string()), ("event-type".to_owned(), kind.to_owned())];
        world.broker.append(Record { topic, key: key.to_string().into_bytes(), payload, headers: headers.into() });
    }
}

stepwise! {
    Warehouse for MemoryInventory, inventory::error::Error {
        fn release(order: OrderId, cause: Option<Cause>) -> () where cause = seen_if_any;
        fn commit(order: OrderId, cause: Option<Cause>) -> () where cause = seen_if_any;
        fn due(limit: i64) -> DueReservations;
        fn move_back(order: OrderId) -> ();
        fn keep(orders: &[OrderId], expiry: Expiry) -> u64;
        fn expire(orders: &[OrderId], read_at: DateTime<Utc>) -> u64;
        fn unpaid_share() -> f64;
        fn restock(restock: Uuid, lines: &Lines, by: &Author) -> ();
    }

    async fn reserve(
        &self,
        requests: Vec<ReservationRequest>,
    ) -> Vec<Result<Vec<ReservedLine>, inventory::error::Error>> {
        let mut results = Vec::new();
        for request in requests {
            results.push(self.reserve_for(request).await);
        }
        results
    }
}

impl Steps<MemoryInventory> {
    async fn reserve_for(&self, request: ReservationRequest) -> Result<Vec<ReservedLine>, inventory::error::Error> {
        self.at("before parts are reserved").await?;
        let world = &self.process.world;
        let (order, expiry) = (request.order, request.expiry);
        if world.makes(Mistake::ReadThenWriteStock) {
            self.take_what_was_read(world, order, &request.lines).await?;
        }
        let reserved = self.twin.reserve(vec![request]).await.remove(0);
        world.note(format_args!("parts for order {order}, {expiry:?}: {:?}", reserved.as_ref().map(Vec::len)));
        self.at("after parts are reserved").await?;
        reserved
    }

    /// Reserves by an earlier read of the stock, which is the mistake of this plan: the store is lent the parts that
    /// are missing at the time of the write. The facts subtract them again.
    async fn take_what_was_read(
        &self,
        world: &Arc<World>,
        order: OrderId,
        lines: &Lines,
    ) -> Result<(), inventory::error::Error> {
        let mut enough = true;
        for (part, quantity) in lines.iter() {
            enough &= self.twin.find(part).await?.is_some_and(|part| part.stock.available >= quantity);
        }
        tokio::time::sleep(world.millis(1, 3000)).await;
        let held = self.twin.reservations().iter().any(|(known, ..)| *known == order);
        if !enough || held {
            return Ok(());
        }
        for (part, quantity) in lines.iter() {
            let there = self.twin.find(part).await?.map_or(0, |part| part.stock.available);
            if there < quantity {
                let lines = [(part, quantity - there)].into_iter().collect();
                self.twin.restock(world.uuid(), &lines, &Author::part("simulation")).await?;
                *locked(&world.stores.lent).entry(part.uuid()).or_default() += quantity - there;
            }
        }
        Ok(())
    }
}

stepwise! {
    Refunds for MemoryPayments, payment::error::Error {
        fn add_refund(refund: &PartialRefund) -> Option<RecordedRefund>;
        fn due_refunds(limit: i64) -> Vec<(RecordedRefund, u32)>;
        fn record_refund(refund: Uuid, request: &RefundRequest, state: &RefundState, pause: Duration) -> ();
        fn hurry_partial_refund(refund: Uuid) -> ();
        fn reopen_partial_refund(refund: Uuid, number: u32) -> ();
        fn refunds_of(transaction: TransactionId) -> Vec<RecordedRefund>;
        fn continue_refund(transaction: TransactionId, current: &RefundRequest, next: &RefundRequest, pause: Duration)
            -> ();
        fn refunded(transaction: TransactionId, request: &RefundRequest) -> ();
        fn reopen_refund(transaction: TransactionId, number: u32) -> ();
    }
}

stepwise! {
    Payments for MemoryPayments, payment::error::Error {
        fn begin(intent: &Intent) -> Begun;
        fn void_attempt(intent: &Intent) -> Vec<Payment>;
        fn count_request(transaction: TransactionId) -> bool;
        fn refuse(intent: &Intent) -> (Payment, bool);
        fn age(transaction: TransactionId) -> Duration;
        fn processing(transaction: TransactionId, reference: &str) -> ();
        fn hurry(transaction: TransactionId) -> ();
        fn get(transaction: TransactionId) -> Option<Payment>;
        fn cancel(order: OrderId, cause: Option<Cause>) -> bool where cause = seen_if_any;
        fn is_cancelled(order: OrderId) -> bool;
        fn due(limit: i64) -> Vec<(Payment, u32)>;
        fn unfinished(limit: i64) -> Unfinished;
        fn find(order: OrderId) -> Option<Payment>;
        fn page(user: UserId, after: Option<Cursor>, size: u32) -> PaymentPage;
    }

    async fn settle(
        &self,
        intent: &Intent,
        outcome: &payment::model::ChargeOutcome,
    ) -> Result<(Payment, bool), payment::error::Error> {
        self.at("before a payment is settled").await?;
        let settled = self.twin.settle(intent, outcome).await;
        self.process.world.note(format_args!("payment {} is settled: {outcome:?}", intent.transaction));
        self.at("after a payment is settled").await?;
        settled
    }
}

stepwise! {
    Builds for MemoryBuilds, assembly::error::Error {
        fn start(cause: Cause, build: &NewBuild) -> bool where cause = seen;
        fn building(limit: i64) -> Vec<(assembly::model::Event, Duration)>;
        fn move_back(order: OrderId) -> ();
        fn finish(ended: &[assembly::model::Event]) -> Vec<(OrderId, Duration)>;
        fn find(order: OrderId) -> Option<Build>;
    }
}
