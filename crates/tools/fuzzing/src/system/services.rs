//! Constructs each service over stores in memory: its twin, or a store of `stores`.

use std::{sync::Arc, time::Duration};

use assembly::{model::BuildTimes, repository::MemoryBuilds, service::AssemblyService};
use console::service::Live;
use contracts::{
    events::{OrderPaid, Published as _, ROUTES, Subscription, record},
    ids::{OrderId, PartId, UserId},
    money::Money,
};
use customers::service::CustomerService;
use delivery::{
    client::{Address, MemoryGeo},
    generate::Generator,
    model::{Name, Speed, Street, Volume},
};
use geo::{model::Streets, service::GeoService};
use intake::service::{Cache, IntakeService};
use inventory::{
    model::{Category, Dimensions, Manufacturer, NewPart},
    service::InventoryService,
};
use notification::service::NotificationService;
use order::{
    client::{Clients, MemoryDelivery, MemoryInventory, MemoryPayments, MemoryUsers},
    model::{DeliveryAddress, NewOrder, PaymentMethod},
    service::OrderService,
};
use payment::{
    client::{Declines, MemoryProvider, Providers},
    repository::MemoryPayments as PaymentRows,
    service::PaymentService,
};
use platform::{
    auth::MemorySessions,
    clock,
    kafka::{Handler as _, Message},
    outbox::Waker,
    random::Random,
    server::readiness::Readiness,
};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{DAY, Known, SLOTS, Services, builder::Builder, guard, stores, users::users};

const USER: UserId = UserId::new(Uuid::from_u128(0x01));
const OPERATOR: Uuid = Uuid::from_u128(0x02);
const PART: PartId = PartId::new(Uuid::from_u128(0x03));
const PENDING: OrderId = OrderId::new(Uuid::from_u128(0x04));
const PAID: OrderId = OrderId::new(Uuid::from_u128(0x05));
const STREET: &str = "Main Street 1";

/// Starts the services. Creates a user of iam, two orders and a courier.
pub async fn build() -> Services {
    let sessions = Arc::new(MemorySessions::default());
    let (user_session, operator_session) = (Uuid::from_u128(0x0a).to_string(), Uuid::from_u128(0x0b).to_string());
    sessions.open(&user_session, USER.uuid());
    sessions.open_operator(&operator_session, OPERATOR);
    let uuids = vec![USER.uuid(), OPERATOR, PART.uuid(), PENDING.uuid(), PAID.uuid()];
    let mut builder = Builder { sessions, grpc: Vec::new(), subscriptions: Vec::new(), uuids };
    let order = orders(&mut builder).await;
    stock(&mut builder).await;
    let delivery = deliveries(&mut builder).await;
    let intake = stream(&mut builder).await;
    others(&mut builder);
    let iam_session = users(&mut builder).await;
    let Builder { grpc, subscriptions, uuids, .. } = builder;
    tell(&subscriptions).await;
    let known = Known { uuids, user_session, operator_session, iam_session };
    Services { known, order, delivery, intake, grpc, subscriptions }
}

async fn orders(builder: &mut Builder) -> axum::Router {
    let (inventory, payments) = (MemoryInventory::default(), MemoryPayments::default());
    inventory.put(PART, Money::from_minor(10_000).expect("a price"), 1_000_000);
    inventory.name(PART, "engine");
    let repository = Arc::new(order::repository::MemoryOrders::default());
    let clients = Clients {
        inventory: Arc::new(inventory),
        payments: Arc::new(payments),
        users: Arc::new(MemoryUsers::default()),
    };
    let repositories = order::repository::Repositories::new(repository.clone());
    let service = OrderService::new(repositories, clients, Waker::default(), DAY);
    let deliveries = order::service::DeliveryService::new(repository, Arc::new(MemoryDelivery::default()), 100);
    for uuid in [PENDING, PAID] {
        let mut new = NewOrder::new(uuid, USER, vec![PART]);
        new.delivery_address = Some(DeliveryAddress::new(STREET.to_owned()).expect("an address"));
        service.create(USER, new, None).await.expect("an order is made");
    }
    service.pay(USER, PAID, PaymentMethod::Card, None).await.expect("an order is paid");
    builder.serve("order", order::api::grpc::RULES, order::api::grpc::services(service.clone(), deliveries.clone()));
    builder.subscriptions.extend(order::consumers::all(&service, &deliveries));
    let guard = guard("order", &builder.sessions, &order::api::RULES);
    order::api::router(order::api::Api { service, deliveries }, guard, Readiness::default(), SLOTS)
}

async fn stock(builder: &mut Builder) {
    let rows = Arc::new(inventory::repository::MemoryInventory::default());
    let service =
        InventoryService::new(rows.clone(), rows, Arc::new(inventory::client::MemoryExistingOrders::default()), DAY);
    let part = NewPart {
        id: PART,
        name: "engine".to_owned(),
        description: String::new(),
        price: Money::from_minor(10_000).expect("a price"),
        stock: 1_000_000,
        category: Category::Engine,
        dimensions: Dimensions::default(),
        manufacturer: Manufacturer::default(),
        tags: vec!["engine".to_owned()],
        metadata: [].into(),
    };
    service.seed(&[part]).await.expect("a part is added");
    builder.subscriptions.extend(inventory::consumers::all(&service));
    builder.serve("inventory", inventory::api::RULES, inventory::api::services(service));
}

async fn deliveries(builder: &mut Builder) -> axum::Router {
    let addresses = delivery::client::MemoryOrderAddresses::default();
    let street = Street::new(STREET).expect("a street");
    addresses.insert(PAID, Address { street, volume: Volume::new(1).expect("a volume") });
    let repository = Arc::new(delivery::repository::MemoryRepository::default());
    let service = delivery::service::DeliveryService::new(
        delivery::service::Repositories::new(repository),
        Arc::new(addresses),
        Arc::new(MemoryGeo::default()),
        Waker::default(),
        Duration::from_secs(1),
    );
    let generator = Generator::new(clock::now, Random::seeded(1));
    let courier = generator.courier(Name::new("courier").expect("a name"), Speed::new(2).expect("a speed"));
    builder.uuids.push(courier.id.uuid());
    service.add_courier(&courier).await.expect("a courier is added");
    builder.subscriptions.extend(delivery::consumers::all(&service, &generator));
    builder.serve("delivery", delivery::api::grpc::RULES, delivery::api::grpc::services(service.clone()));
    let guard = guard("delivery", &builder.sessions, &delivery::api::http::RULES);
    delivery::api::http::router(service, guard, Readiness::default(), SLOTS)
}

/// Constructs payment, assembly, notification, geo, customers, and the console's consumers.
fn others(builder: &mut Builder) {
    let provider = MemoryProvider::new(Money::from_minor(1_000_000).expect("a balance"), Declines::default());
    let rows = Arc::new(PaymentRows::default());
    let payments = PaymentService::new(rows, Providers::new(Arc::new(provider), None), Waker::default());
    builder.subscriptions.extend(payment::consumers::all(&payments));
    builder.serve("payment", payment::api::RULES, payment::api::services(payments));
    let ships = AssemblyService::new(Arc::new(MemoryBuilds::default()), Waker::default());
    let times = BuildTimes { min: Duration::ZERO, max: DAY, failure_rate: 0.5 };
    builder.subscriptions.extend(assembly::consumers::all(&ships, times, Random::seeded(2)));
    builder.serve("assembly", assembly::api::RULES, assembly::api::services(ships));
    let notices = NotificationService::new(Arc::new(stores::Notifications::default()), Arc::new(Notify::new()));
    builder.subscriptions.extend(notification::consumers::all(&notices));
    builder.serve("notification", notification::api::RULES, notification::api::services(notices));
    builder.serve("geo", geo::api::RULES, geo::api::services(GeoService::new(Streets::default())));
    let customers = CustomerService::new(
        Arc::new(stores::Customers::default()),
        Arc::new(customers::client::BuiltIn::default()),
        Arc::new(stores::NoPayment),
        Waker::default(),
        DAY,
    );
    builder.subscriptions.extend(customers::consumers::all(&customers));
    builder.serve("customers", customers::api::RULES, customers::api::services(customers));
    let timeline = Arc::new(stores::UnreadTimeline);
    builder.subscriptions.extend(console::consumers::all(timeline.clone(), Live::new(timeline, SLOTS)));
}

/// Constructs intake, with an order of the user whose order_uid is also the id of a shop's order.
async fn stream(builder: &mut Builder) -> axum::Router {
    let service = IntakeService::new(
        Arc::new(stores::StreamedOrders::default()),
        Arc::new(intake::client::MemoryTopic::default()),
        Cache::new(1_000, 1 << 20, DAY),
    );
    let order_uid = intake::model::OrderUid::stored(&PAID.to_string());
    let order = intake::model::Order { order_uid, customer_id: USER.to_string(), ..intake::sample::order(1, 1) };
    service.take(&[Arc::new(order)]).await.expect("an order is stored");
    builder.subscriptions.extend(intake::consumers::all(&service));
    let guard = guard("intake", &builder.sessions, &intake::api::RULES);
    let own = intake::config::Own {
        intake_cache_capacity: 1_000,
        intake_cache_bytes: 1 << 20,
        intake_cache_ttl: DAY,
        intake_max_in_flight: SLOTS,
        intake_open: false,
        intake_retention: None,
    };
    intake::api::router(service, &guard, Readiness::default(), &own)
}

/// Passes the event of a paid order to every consumer.
async fn tell(subscriptions: &[Subscription]) {
    let (order_uuid, user_uuid) = (PAID.to_string(), USER.to_string());
    let paid = OrderPaid { order_uuid, user_uuid, deliver: true, ..OrderPaid::default() };
    let message = Message { payload: record(PAID.uuid(), paid).payload, ..Message::default() };
    let route = ROUTES.iter().find(|route| route.kind == OrderPaid::TYPE).expect("its route");
    for subscription in subscriptions {
        if route.consumers.iter().any(|consumer| consumer.group == subscription.group()) {
            subscription.handle(&message).await.expect("the event is right");
        }
    }
}
