//! Deliveries: the service over its in-memory stores, its calls to order over the network, and the facts for the
//! auditor.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use audit::facts::{Courier, Delivery, DeliveryState, StoragePlace};
use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{CourierId, OrderId, PlaceId, UserId},
};
use delivery::{
    client::{Address, MemoryGeo, OrderAddressError, OrderAddresses},
    generate::Generator,
    model::{
        Assignment, Courier as Carrier, Delivery as OrderDelivery, Early, Event, FreeCourier, Known, Location,
        Name as Text, NewCourier, Speed, State, Step, Street, Volume, Waiting,
    },
    repository::{
        ActiveOrder, Counts, Couriers, Deliveries, Dispatch, ListedCourier, MemoryRepository, Moved, Shown, TripPage,
    },
    service::{DeliveryService, Repositories},
};
use outbox::{Lease, Waker};
use platform::clock::Virtual;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    broker::consume,
    network::Lost,
    process::Process,
    shop::{relay, run_jobs, steps},
    steps::{Steps, stepwise},
    world::{Name, Serves, World},
};

/// The time between two steps of a courier, and between two rounds of assignments.
const TICK: Duration = Duration::from_secs(1);

/// Returns the initial couriers. One is slow, and one has little space.
pub fn first_couriers() -> Vec<NewCourier> {
    let courier = |number: u128, speed: i64, volume: i64| NewCourier {
        id: CourierId::new(Uuid::from_u128(number)),
        name: Text::new(format!("courier {number}")).expect("a name"),
        speed: Speed::new(speed).expect("a speed"),
        location: Location::new(i64::try_from(number).expect("a number"), 1).expect("a cell"),
        places: vec![(
            PlaceId::new(Uuid::from_u128(number)),
            Text::new("place").expect("a name"),
            Volume::new(volume).expect("a volume"),
        )],
    };
    vec![courier(1, 3, 10), courier(2, 9, 2)]
}

/// Starts the service over its in-memory stores.
pub fn boot(process: &Process) -> Serves {
    let (stores, waker) = (&process.world.stores, Waker::default());
    let service = DeliveryService::new(
        Repositories::new(steps(process, &stores.deliveries)),
        Arc::new(RemoteOrders(process.clone())),
        Arc::new(stores.geo.clone()),
        waker.clone(),
        TICK,
    );
    relay(process, &stores.deliveries.outbox, &waker, "delivery");
    let lease: Arc<dyn Lease> = Arc::new(stores.deliveries.lease.rival(process.holder.clone()));
    let (seeding, stop) = (service.clone(), CancellationToken::new());
    process.spawn(async move {
        let _ = delivery::jobs::seed_couriers(&seeding, &first_couriers(), &stop).await;
    });
    run_jobs(process, delivery::jobs::all(&service, TICK, TICK, |_| lease.clone()));
    let clock = Virtual::default();
    let generator = Generator::new(move || clock.now(), process.world.random());
    consume(process, delivery::consumers::all(&service, &generator));
    Serves::Nothing
}

/// The order service as `GrpcOrderAddresses` would reach it.
struct RemoteOrders(Process);

#[async_trait]
impl OrderAddresses for RemoteOrders {
    async fn address(&self, order: OrderId) -> Result<Option<Address>, OrderAddressError> {
        let response =
            self.0.ask(Name::Order, Serves::destinations, |orders| async move { orders.destination(order).await });
        let response = response.await;
        self.0.stall("after it has asked order").await;
        let found = match response {
            Ok(Ok(found)) => found,
            Ok(Err(order::error::Error::DeliveryNotFound(_))) => return Ok(None),
            Ok(Err(error)) => return Err(OrderAddressError::Unavailable(error.to_string())),
            Err(Lost::Refused) => return Err(OrderAddressError::Unavailable("nothing listens".to_owned())),
            Err(Lost::Silent) => return Err(OrderAddressError::Unavailable("no response in time".to_owned())),
        };
        let street = Street::new(found.address.as_str()).expect("order has checked the address");
        let volume = Volume::new(i64::try_from(found.volume).expect("a volume")).expect("a volume");
        Ok(Some(Address { street, volume }))
    }
}

/// Returns a geo service in which every street is at the far end of the grid.
pub fn geo() -> MemoryGeo {
    let geo = MemoryGeo::default();
    geo.set(Street::new(crate::users::ADDRESS).expect("a street"), Location::new(10, 8).map_err(|_| unreachable!()));
    geo
}

/// Returns a delivery in progress, once no other work is pending.
pub fn unfinished(world: &World) -> Option<String> {
    let all = world.stores.deliveries.all();
    let open = all.iter().find(|one| !matches!(one.state, State::Completed { .. } | State::Failed));
    open.map(|one| format!("the delivery of order {} is {}", one.order, one.state.as_str()))
}

/// Returns the facts about deliveries, couriers and their storage places for the auditor.
pub fn facts(world: &World, at: DateTime<Utc>) -> (Vec<Delivery>, Vec<Courier>, Vec<StoragePlace>) {
    let delivery = |one: OrderDelivery| Delivery {
        order: one.order.uuid(),
        state: DeliveryState::parse(one.state.as_str()).expect("a state"),
        status: Some(one.status.as_str().to_owned()),
        user: one.user.map(UserId::uuid),
        delivery: Some(one.id.uuid()),
        volume: one.cargo.map(|cargo| cargo.volume.get()),
        courier: one.state.courier().map(|(courier, _)| courier.uuid()),
        steps: one.state.courier().map(|(_, steps)| steps.cast_signed()),
        created_at: at,
        waiting_since: (!matches!(one.state, State::Pending | State::Failed)).then_some(at),
        updated_at: at,
    };
    let early = |(order, early): (OrderId, Early)| Delivery {
        order: order.uuid(),
        state: match early {
            Early::Assembled => DeliveryState::AssembledEarly,
            Early::Cancelled => DeliveryState::CancelledEarly,
        },
        status: None,
        user: None,
        delivery: None,
        volume: None,
        courier: None,
        steps: None,
        created_at: at,
        waiting_since: None,
        updated_at: at,
    };
    let stores = &world.stores.deliveries;
    let deliveries = stores.all().into_iter().map(delivery).chain(stores.early().into_iter().map(early)).collect();
    let couriers = stores.couriers();
    let carried = |courier: &Carrier| courier.places.iter().find_map(|place| place.order).map(OrderId::uuid);
    let places = couriers.iter().flat_map(|courier| {
        courier.places.iter().map(|place| StoragePlace {
            uuid: place.id.uuid(),
            courier: courier.id.uuid(),
            total_volume: place.total_volume.get(),
            order: place.order.map(OrderId::uuid),
        })
    });
    let places = places.collect();
    let couriers = couriers.iter().map(|one| Courier { uuid: one.id.uuid(), order: carried(one) }).collect();
    (deliveries, couriers, places)
}

stepwise! {
    Deliveries for MemoryRepository, delivery::error::Error {
        fn find(order: OrderId) -> Known;
        fn save(known: &Known, delivery: &OrderDelivery, events: &[Event], cause: Option<Cause>) -> bool;
        fn keep_early(order: OrderId, early: Early, paid: Cause, cause: Cause) -> bool;
        fn skip(cause: Cause) -> ();
        fn active(user: Option<UserId>, limit: i64) -> Vec<ActiveOrder>;
        fn show(order: OrderId) -> Option<Shown>;
    }
}

stepwise! {
    Couriers for MemoryRepository, delivery::error::Error {
        fn seed(couriers: &[NewCourier]) -> usize;
        fn add(courier: &NewCourier) -> ();
        fn add_place(courier: CourierId, id: PlaceId, name: &Text, volume: Volume) -> ();
        fn list() -> Vec<ListedCourier>;
    }
}

stepwise! {
    Dispatch for MemoryRepository, delivery::error::Error {
        fn free() -> Vec<FreeCourier>;
        fn has_waiting(largest: Volume) -> bool;
        fn waiting(largest: Volume, limit: i64) -> Vec<Waiting>;
        fn assign(assignments: &[Assignment]) -> Vec<OrderId>;
        fn move_back(orders: &[OrderId], couriers: &[CourierId]) -> ();
        fn trips(after: Option<CourierId>, limit: i64) -> TripPage;
        fn counts() -> Counts;
        fn step(epoch: i64, steps: &[Step]) -> Moved;
    }
}
