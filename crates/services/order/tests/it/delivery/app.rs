//! Tests of the running service with its database and broker: the gRPC port, and events from the topic.

use std::net::SocketAddr;

use contracts::{
    events::{DeliveryStatusUpdated, record},
    ids::{OrderId, UserId},
    money::Money,
    proto::order::v1::{
        GetDeliveryAddressRequest, ListExistingOrdersRequest, ListOpenOrdersRequest,
        order_service_client::OrderServiceClient,
    },
};
use order::{
    app,
    config::Config,
    model::{DeliveryAddress, NewOrder},
    repository::{MIGRATIONS, Orders as _, PgOrders},
};
use outbox::Record;
use platform::grpc::Peer;
use testkit::{Iam, Kafka, Running, eventually};
use tonic::Code;

use super::{ADDRESS, address, updated};
use crate::contract::{cancelled, new_order, write};
use crate::ids;
use crate::shop::PAY_WITHIN;

struct Fixture {
    http: SocketAddr,
    grpc: SocketAddr,
    kafka: Kafka,
    iam: Iam,
    orders: PgOrders,
    user: UserId,
    _database: testkit::Database,
    _app: Running,
}

async fn fixture() -> Fixture {
    let (kafka, iam) = tokio::join!(testkit::kafka(), testkit::iam());
    let database = testkit::database(&MIGRATIONS).await;
    let settings = testkit::settings().with(kafka.settings()).with([
        ("ORDER_DATABASE_URL", database.url.clone()),
        ("IAM_ADDRESS", iam.address.to_string()),
        ("DELIVERY_ADDRESS", "127.0.0.1:1".to_owned()),
    ]);
    let app = app::build(Config::load(&settings).expect("complete settings")).await.expect("the app is built");
    let (http, readiness) = (app.address().expect("an address"), app.readiness());
    let grpc = app.second_address().expect("a second address");
    let app = testkit::run(|stop| app.run(stop));
    readiness.ready().await;
    let orders = PgOrders::new(database.pool.clone());
    Fixture { http, grpc, kafka, iam, orders, user: ids::user(), _database: database, _app: app }
}

impl Fixture {
    async fn order(&self, delivery_address: Option<DeliveryAddress>) -> OrderId {
        let new = NewOrder { delivery_address, ..new_order(self.user) };
        write(&self.orders, &new, Money::ZERO, PAY_WITHIN, None).await.expect("the order is written").uuid
    }

    fn client(&self, caller: &'static str) -> OrderServiceClient<Peer> {
        OrderServiceClient::new(testkit::peer_of(caller, "order", self.grpc))
    }

    async fn publish(&self, event: DeliveryStatusUpdated) {
        let key = event.order_uuid.parse().expect("a uuid");
        let event = record(key, event);
        let topic = self.kafka.topic::<DeliveryStatusUpdated>();
        let headers = [("event-type".to_owned(), event.kind.to_owned())].into();
        let record = Record { topic, key: key.to_string().into_bytes(), payload: event.payload, headers };
        self.kafka.publish(vec![record]).await;
    }
}

fn request(order: &impl ToString) -> GetDeliveryAddressRequest {
    GetDeliveryAddressRequest { order_uuid: order.to_string() }
}

#[tokio::test]
async fn delivery_gets_the_address_and_the_volume() {
    let fixture = fixture().await;
    let (with, without) = (fixture.order(Some(address())).await, fixture.order(None).await);
    let ended = fixture.order(Some(address())).await;
    let found = fixture.orders.find(fixture.user, ended).await.unwrap().unwrap();
    assert!(fixture.orders.cancel(ended, &cancelled(&found), None).await.unwrap());
    let mut delivery = fixture.client("delivery");

    for order in [with, ended] {
        let response = delivery.get_delivery_address(request(&order)).await.unwrap().into_inner();
        assert_eq!((response.address.as_str(), response.volume), (ADDRESS, 3));
    }
    for order in [without, ids::order()] {
        assert_eq!(delivery.get_delivery_address(request(&order)).await.unwrap_err().code(), Code::NotFound);
    }
    for wrong in ["", "seven"] {
        let refused = delivery.get_delivery_address(request(&wrong)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("order_uuid"), "{refused:?}");
    }
}

#[tokio::test]
async fn iam_gets_the_open_orders_of_a_user() {
    let fixture = fixture().await;
    let request = |user: &str| ListOpenOrdersRequest { user_uuid: user.to_owned() };
    let user = fixture.user.to_string();
    let mut created = Vec::new();
    let mut iam = fixture.client("iam");
    for _ in 0..2 {
        created.push(fixture.order(None).await.to_string());
    }

    let open = iam.list_open_orders(request(&user)).await.unwrap().into_inner();
    let of_another = iam.list_open_orders(request(&ids::user().to_string())).await.unwrap().into_inner();

    assert_eq!((open.order_uuids, open.total), (created, 2));
    assert_eq!((of_another.order_uuids.len(), of_another.total), (0, 0));
    assert_eq!(iam.list_open_orders(request("seven")).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn inventory_gets_the_orders_that_exist() {
    let fixture = fixture().await;
    let (one, other, unknown) = (fixture.order(None).await, fixture.order(Some(address())).await, ids::order());
    let request =
        |orders: &[OrderId]| ListExistingOrdersRequest { order_uuids: orders.iter().map(OrderId::to_string).collect() };
    let mut inventory = fixture.client("inventory");

    let response = inventory.list_existing_orders(request(&[one, unknown, other, one])).await.unwrap();
    let mut existing = response.into_inner().order_uuids;
    existing.sort();
    let mut expected = [one, other].map(|order| order.to_string());
    expected.sort();
    assert_eq!(existing, expected);
    let nothing = inventory.list_existing_orders(request(&[])).await.unwrap().into_inner();
    assert_eq!(nothing.order_uuids, Vec::<String>::new());

    let wrong = ListExistingOrdersRequest { order_uuids: vec!["seven".to_owned()] };
    for refused in [wrong, request(&[unknown; 1001])] {
        let refused = inventory.list_existing_orders(refused).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("order_uuids"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_status_from_the_topic_is_shown_over_http_and_a_wrong_one_is_dead_lettered() {
    let fixture = fixture().await;
    let order = fixture.order(Some(address())).await;
    let session = fixture.iam.session(fixture.user.uuid());
    let client = platform::http::client(std::time::Duration::from_secs(20)).unwrap();
    let get = async |path: &str| -> serde_json::Value {
        let url = format!("http://{}/api/v1/orders/{order}{path}", fixture.http);
        client.get(url).header("X-Session-Uuid", &session).send().await.unwrap().json().await.unwrap()
    };

    fixture.publish(updated(order, ids::user(), "DELIVERED")).await;
    for status in ["PENDING", "IN_TRANSIT"] {
        fixture.publish(updated(order, fixture.user, status)).await;
    }

    eventually(async || (get("").await["delivery_status"] == "IN_TRANSIT").then_some(())).await;
    let tracked = get("/delivery").await;
    assert_eq!((&tracked["status"], &tracked["stale"]), (&"IN_TRANSIT".into(), &true.into()), "delivery is away");
    let dead = format!("{}.dlq", fixture.kafka.topic::<DeliveryStatusUpdated>());
    let letters = eventually(async || {
        let letters = fixture.kafka.messages(&dead).await;
        (!letters.is_empty()).then_some(letters)
    })
    .await;
    assert_eq!(letters.len(), 1);
}
