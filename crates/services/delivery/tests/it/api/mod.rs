//! The whole service over real PostgreSQL and Kafka, with stand-ins for iam, order and geo.

mod baskets;
mod grpc;
mod http;
mod shop;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use contracts::{
    events::{Event, Published, record},
    proto::{
        delivery::v1::delivery_service_client::DeliveryServiceClient,
        geo::{
            GetGeolocationReply, GetGeolocationRequest, Location,
            geo_server::{Geo, GeoServer},
        },
        order::v1::{
            GetDeliveryAddressRequest, GetDeliveryAddressResponse,
            order_service_server::{OrderService, OrderServiceServer},
        },
    },
};
use delivery::{app, config::Config, repository::MIGRATIONS};
use outbox::Record;
use platform::{
    auth::{Access, Rule},
    config::Settings,
    grpc::{Peer, Services},
    kafka::{Message, dead_letter_topic},
};
use serde_json::Value;
use testkit::{Iam, Kafka, Running, eventually};
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// Stand-ins for order and geo, which respond as a test configures them.
#[derive(Clone, Default)]
struct Outside {
    /// The address and the volume of each order.
    addresses: Arc<Mutex<HashMap<String, (String, i32)>>>,
    /// The cells of streets. All other streets are at (1, 1), except for `nowhere`, which is rejected.
    cells: Arc<Mutex<HashMap<String, (i32, i32)>>>,
    /// The codes with which geo refuses streets.
    refused: Arc<Mutex<HashMap<String, tonic::Code>>>,
    /// The headers of the requests to geo.
    geo_headers: Arc<Mutex<Vec<String>>>,
}

struct Fixture {
    kafka: Kafka,
    iam: Iam,
    outside: Outside,
    settings: Settings,
    grpc: SocketAddr,
    http: SocketAddr,
    service: Option<Running>,
    _outside: Running,
}

impl Fixture {
    /// Starts the service with an open API. A courier makes one step per `tick`.
    async fn new(tick: &str) -> Self {
        Self::with(tick, true).await
    }

    /// Starts the service. Its API requires a session, unless it is `open`.
    async fn with(tick: &str, open: bool) -> Self {
        let (database, kafka, iam) = tokio::join!(testkit::database(&MIGRATIONS), testkit::kafka(), testkit::iam());
        let outside = Outside::default();
        let (address, running) = serve(outside.clone()).await;
        let settings = testkit::settings().with(kafka.settings()).with([
            ("DELIVERY_DATABASE_URL", database.url),
            ("IAM_ADDRESS", iam.address.to_string()),
            ("ORDER_ADDRESS", address.to_string()),
            ("GEO_ADDRESS", address.to_string()),
            ("DELIVERY_MOVE_EVERY", tick.to_owned()),
            ("DELIVERY_OPEN", open.to_string()),
        ]);
        let (grpc, http, service) = start(&settings).await;
        Self { kafka, iam, outside, settings, grpc, http, service: Some(service), _outside: running }
    }

    async fn crash(&mut self) {
        if let Some(service) = self.service.take() {
            service.kill().await;
        }
        let (grpc, http, service) = start(&self.settings).await;
        (self.grpc, self.http, self.service) = (grpc, http, Some(service));
    }

    /// Publishes an event about `key`, as its producer does.
    async fn publish<E: Published>(&self, key: Uuid, event: E) {
        let topics = self.kafka.topics();
        let topic = topics.of::<E>().to_owned();
        let event = record(key, event);
        let headers = HashMap::from([
            ("event-uuid".to_owned(), event.uuid.to_string()),
            ("event-type".to_owned(), event.kind.to_owned()),
        ]);
        let key = key.to_string().into_bytes();
        self.kafka.publish(vec![Record { topic, key, payload: event.payload, headers }]).await;
    }

    /// Publishes records as an outside program does, without headers.
    async fn publish_raw(&self, topic: &str, payloads: Vec<Vec<u8>>) {
        let record = |payload| Record { topic: topic.to_owned(), key: Vec::new(), payload, headers: HashMap::new() };
        self.kafka.publish(payloads.into_iter().map(record).collect()).await;
    }

    /// The events of the type `E` about `key`, in their order.
    async fn events<E: Event>(&self, key: Uuid) -> Vec<E> {
        let messages = self.kafka.messages(self.kafka.topics().of::<E>()).await;
        let own = messages.into_iter().filter(|message| message.key == key.to_string().as_bytes());
        own.map(|message: Message| E::decode(message.payload.as_slice()).expect("an event")).collect()
    }

    /// Waits until `topic` has at least `count` dead letters, and returns them all.
    async fn letters(&self, topic: &str, count: usize) -> Vec<Message> {
        let topic = dead_letter_topic(topic);
        eventually(async || Some(self.kafka.messages(&topic).await).filter(|letters| letters.len() >= count)).await
    }

    async fn get(&self, path: &str, session: Option<&str>) -> (u16, Value) {
        send(self.request(reqwest::Method::GET, path, session)).await
    }

    async fn post(&self, path: &str, body: &Value, session: Option<&str>) -> (u16, Value) {
        let request = self.request(reqwest::Method::POST, path, session);
        send(request.header("content-type", "application/json").body(body.to_string())).await
    }

    fn request(&self, method: reqwest::Method, path: &str, session: Option<&str>) -> reqwest::RequestBuilder {
        let client = platform::http::client(std::time::Duration::from_secs(10)).expect("a client");
        let request = client.request(method, format!("http://{}{path}", self.http));
        match session {
            Some(session) => request.header("x-session-uuid", session),
            None => request,
        }
    }

    /// A client with the identity of the service `caller`, or with none.
    fn client(&self, caller: Option<&'static str>) -> DeliveryServiceClient<Peer> {
        let peer = match caller {
            Some(caller) => testkit::peer_of(caller, "delivery", self.grpc),
            None => Peer::lazy("delivery", "TEST_ADDRESS", &self.grpc.to_string()).expect("an address"),
        };
        DeliveryServiceClient::new(peer)
    }

    /// Waits until `wanted` holds for the couriers, and returns them.
    async fn couriers(&self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        eventually(|| async {
            let (_, couriers) = self.get("/api/v1/couriers", None).await;
            couriers.as_array().filter(|couriers| wanted(couriers)).cloned()
        })
        .await
    }
}

async fn send(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("the service answers");
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

async fn start(settings: &Settings) -> (SocketAddr, SocketAddr, Running) {
    let app = app::build(Config::load(settings).expect("the settings are complete")).await.expect("it can be built");
    let http = app.second_address().expect("it is bound");
    let (grpc, service) = testkit::start(app).await;
    (grpc, http, service)
}

const RULES: &[Rule] = &[
    Rule::public("/geo.Geo/GetGeolocation"),
    Rule::services("/order.v1.OrderService/GetDeliveryAddress", &["delivery"]),
];

/// Serves order and geo on one port.
async fn serve(outside: Outside) -> (SocketAddr, Running) {
    let services = Services::new(contracts::proto::DESCRIPTORS)
        .with(OrderServiceServer::new(outside.clone()))
        .with(GeoServer::new(outside));
    testkit::serve(testkit::guard("order", RULES).otherwise(Access::Public), services).await
}

#[tonic::async_trait]
impl OrderService for Outside {
    async fn get_delivery_address(
        &self,
        request: Request<GetDeliveryAddressRequest>,
    ) -> Result<Response<GetDeliveryAddressResponse>, Status> {
        let found = self.addresses.lock().expect("no test panics").get(&request.get_ref().order_uuid).cloned();
        let (address, volume) = found.ok_or_else(|| Status::not_found("no address"))?;
        Ok(Response::new(GetDeliveryAddressResponse { address, volume }))
    }
}

#[tonic::async_trait]
impl Geo for Outside {
    async fn get_geolocation(
        &self,
        request: Request<GetGeolocationRequest>,
    ) -> Result<Response<GetGeolocationReply>, Status> {
        let names = request.metadata().keys().map(|key| format!("{key:?}"));
        self.geo_headers.lock().expect("no test panics").extend(names);
        let street = &request.get_ref().street;
        if street == "nowhere" {
            return Err(Status::invalid_argument(format!("street: {street} does not exist")));
        }
        if let Some(code) = self.refused.lock().expect("no test panics").get(street) {
            return Err(Status::new(*code, format!("{street} is refused")));
        }
        let (x, y) = self.cells.lock().expect("no test panics").get(street).copied().unwrap_or((1, 1));
        Ok(Response::new(GetGeolocationReply { location: Some(Location { x, y }) }))
    }
}
