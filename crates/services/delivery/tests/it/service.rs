//! Use cases with in-memory dependencies: every order of events, and dependencies that are unavailable.

use std::{sync::Arc, time::Duration};

use contracts::ids::{OrderId, UserId};
use delivery::{
    client::{Address, GeoError, MemoryGeo, MemoryOrderAddresses, OrderAddressError},
    error::Error,
    generate::Generator,
    model::{Known, NewDelivery, State, Street},
    repository::{Deliveries as _, MemoryRepository},
    service::{DeliveryService, Repositories},
};
use outbox::Waker;
use platform::auth::Caller;

use crate::{cause, new, order, volume};

/// The user of every order.
const USER: UserId = UserId::new(uuid::Uuid::from_u128(7));

struct Fixture {
    repository: MemoryRepository,
    orders: MemoryOrderAddresses,
    geo: MemoryGeo,
    service: DeliveryService,
}

impl Fixture {
    fn new() -> Self {
        let (repository, orders, geo) =
            (MemoryRepository::default(), MemoryOrderAddresses::default(), MemoryGeo::default());
        let service = DeliveryService::new(
            Repositories::new(Arc::new(repository.clone())),
            Arc::new(orders.clone()),
            Arc::new(geo.clone()),
            Waker::default(),
            Duration::from_secs(1),
        );
        Self { repository, orders, geo, service }
    }

    /// An order of the shop with an address.
    fn order(&self) -> OrderId {
        let order = order();
        let street = Street::new("Main Street").expect("a street");
        self.orders.insert(order, Address { street, volume: volume(5) });
        order
    }

    async fn state(&self, order: OrderId) -> Option<State> {
        match self.repository.find(order).await.expect("memory does not fail") {
            Known::Delivery(delivery) => Some(delivery.state),
            _ => None,
        }
    }

    /// The uuids of an order's events, in the order of writing.
    fn events(&self, order: OrderId) -> Vec<uuid::Uuid> {
        let events = self.repository.outbox.events();
        events.into_iter().filter(|(event, _)| event.key == order.uuid()).map(|(event, _)| event.uuid).collect()
    }
}

/// The events of an order that other services publish.
#[derive(Clone, Copy, Debug)]
enum Step {
    Paid,
    Assembled,
    Cancelled,
}

impl Step {
    async fn happen(self, fixture: &Fixture, order: OrderId) -> Result<(), Error> {
        match self {
            Self::Paid => {
                let user = Some(USER);
                let paid = NewDelivery { user, ..new(order) };
                fixture.service.order_paid(cause("paid"), &paid).await
            }
            Self::Assembled => fixture.service.ship_assembled(cause("assembled"), order).await,
            Self::Cancelled => fixture.service.order_cancelled(cause("cancelled"), order).await,
        }
    }
}

#[tokio::test]
async fn events_in_any_order_and_redelivered_end_the_same() {
    use Step::{Assembled, Cancelled, Paid};
    let ways: [(&[Step], State); 10] = [
        (&[Paid, Assembled], State::Created),
        (&[Assembled, Paid], State::Created),
        (&[Paid, Paid, Assembled, Assembled, Paid], State::Created),
        (&[Assembled, Assembled, Paid, Assembled, Paid], State::Created),
        (&[Paid, Assembled, Cancelled], State::Created),
        (&[Assembled, Paid, Cancelled, Paid], State::Created),
        (&[Paid, Cancelled], State::Failed),
        (&[Cancelled, Paid], State::Failed),
        (&[Cancelled, Cancelled, Paid, Paid], State::Failed),
        (&[Paid, Cancelled, Assembled], State::Failed),
    ];
    for (way, state) in ways {
        let fixture = Fixture::new();
        let order = fixture.order();
        for step in way {
            step.happen(&fixture, order).await.unwrap();
        }
        assert_eq!(fixture.state(order).await, Some(state), "{way:?}");
        assert_eq!(fixture.events(order).len(), 2, "{way:?}");
    }
}

#[tokio::test]
async fn a_cancelled_order_needs_neither_order_nor_geo() {
    let fixture = Fixture::new();
    let order = fixture.order();
    Step::Cancelled.happen(&fixture, order).await.unwrap();
    fixture.orders.set_unavailable(true);
    fixture.geo.set_unavailable(true);

    Step::Paid.happen(&fixture, order).await.unwrap();

    assert_eq!(fixture.state(order).await, Some(State::Failed));
}

#[tokio::test]
async fn a_payment_waits_for_order_and_geo() {
    let fixture = Fixture::new();
    let order = fixture.order();

    fixture.orders.set_unavailable(true);
    assert!(matches!(Step::Paid.happen(&fixture, order).await, Err(Error::Orders(OrderAddressError::Unavailable(_)))));
    fixture.orders.set_unavailable(false);
    fixture.geo.set_unavailable(true);
    assert!(matches!(Step::Paid.happen(&fixture, order).await, Err(Error::Geo(GeoError::Unavailable(_)))));
    assert_eq!(fixture.state(order).await, None);
    fixture.geo.set_unavailable(false);
    Step::Paid.happen(&fixture, order).await.unwrap();

    assert_eq!(fixture.state(order).await, Some(State::Pending));
}

#[tokio::test]
async fn a_basket_that_an_earlier_version_stored_under_its_own_id_has_no_second_delivery() {
    let fixture = Fixture::new();
    let (basket, street) = (order(), Street::new("Main Street").unwrap());
    let earlier = NewDelivery { user: None, ..new(basket) };
    let first = fixture.service.create(&earlier, &street, volume(5)).await.unwrap();

    let again = fixture.service.create(&Generator::default().basket(basket), &street, volume(5)).await.unwrap();

    assert_eq!(again, first);
}

#[tokio::test]
async fn a_basket_is_shown_by_its_own_id() {
    let fixture = Fixture::new();
    let (basket, street) = (order(), Street::new("Main Street").unwrap());
    let new = Generator::default().basket(basket);
    let delivery = fixture.service.create(&new, &street, volume(5)).await.unwrap();

    let shown = fixture.service.show(&Caller::Service("order".to_owned()), basket).await.unwrap();

    assert_eq!(shown.delivery, delivery);
}

#[tokio::test]
async fn a_delivery_that_is_asked_for_a_cancelled_order_fails() {
    let fixture = Fixture::new();
    let order = fixture.order();
    Step::Cancelled.happen(&fixture, order).await.unwrap();

    let made = fixture.service.create(&new(order), &Street::new("Main Street").unwrap(), volume(5)).await.unwrap();

    assert_eq!(made.state, State::Failed);
}
