//! All services in this process, on the servers of the test run, and callers of their methods.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use bytes::{Buf as _, BufMut as _};
use client::{
    addresses::ShopAddresses,
    customer::{self, Customer, PASSWORD},
    shop::Shop,
};
use contracts::{
    events::{ORDERS, Topics},
    ids::UserId,
    proto::{
        auth::v1::{LoginRequest, LogoutRequest},
        customers::v1::{CreateCustomerRequest, customer_service_client::CustomerServiceClient},
    },
};
use iam::{
    config::Hashing as Cost,
    hashing::Hashing,
    model::{Password, User, UserInfo},
    repository::PgUsers,
    service::OperatorService,
};
use operations::registry::{SERVICES, with_database};
use outbox::{Publisher as _, Record};
use platform::{
    auth::{Author, SESSION_HEADER, SESSION_METADATA, ServiceKey},
    clock,
    config::Settings,
    ids,
    kafka::{Config, KafkaPublisher},
    random,
};
use reqwest::Method as Verb;
use serde_json::json;
use testkit::{Database, Running, eventually};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};

use crate::{
    Decision,
    method::{self, Api, Method},
    table,
};

const OPERATOR: &str = "access-operator";
/// The only HTTP endpoint with a cacheable response.
const CACHEABLE: &str = "GET /style.css";

/// The Content-Security-Policy of the console's pages, which load their own scripts and submit their own forms.
const OF_CONSOLE: &str =
    "default-src 'self'; frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'self'";

#[derive(Clone, Copy, Debug)]
pub enum Caller {
    /// Without a session.
    Anonymous,
    /// With the session of a logged-out user.
    Dead,
    /// The user who owns the order in the request.
    Owner,
    /// Another user, with a valid session.
    Another,
    /// A user with the role `operator`.
    Operator,
    /// A service, identified by a token.
    Service(&'static str),
}

pub struct System {
    http: HashMap<&'static str, SocketAddr>,
    grpc: HashMap<&'static str, Channel>,
    client: reqwest::Client,
    sessions: [String; 4],
    owner: String,
    order: String,
    _services: Vec<Running>,
    _databases: Vec<Database>,
}

impl System {
    /// Starts the services, and creates a paid order of a user.
    pub async fn start() -> Self {
        let (settings, databases) = settings().await;
        let mut services = Vec::new();
        for service in SERVICES {
            let app = (service.build)(settings.clone()).await.unwrap();
            let readiness = app.readiness();
            services.push(testkit::run(|stop| app.run(stop)));
            readiness.ready().await;
        }
        let address = |variable: &str| settings.get(variable).unwrap().parse::<SocketAddr>().unwrap();
        let (mut grpc, mut http) = (HashMap::new(), HashMap::new());
        for (service, api) in
            SERVICES.into_iter().flat_map(|service| service.apis().into_iter().map(|api| (service.name, api)))
        {
            let listens = address(&api.listen);
            if api.is_grpc {
                grpc.insert(service, Endpoint::from_shared(format!("http://{listens}")).unwrap().connect_lazy());
            } else {
                http.insert(service, listens);
            }
        }
        let shop = ShopAddresses::from_settings(&settings).unwrap().shop().unwrap();
        let (owner, another) = (Customer::fresh("owner"), Customer::fresh("another"));
        let (owner_uuid, _) = owner.register(&shop).await.unwrap();
        another.register(&shop).await.unwrap();
        let (owner, _) = owner.log_in(&shop).await.unwrap();
        let (dead, _) = another.log_in(&shop).await.unwrap();
        let (another, _) = another.log_in(&shop).await.unwrap();
        shop.auth().logout(LogoutRequest { session_uuid: dead.clone() }).await.unwrap();
        become_customer(&grpc["customers"], &owner).await;
        let operator = operator(&settings, &shop).await;
        let order = paid_order(&shop, &owner, &owner_uuid.to_string()).await;
        taken_in(&settings, &order, &owner_uuid.to_string()).await;
        let system = Self {
            http,
            grpc,
            client: platform::http::client(Duration::from_secs(10)).unwrap(),
            sessions: [dead, owner, another, operator],
            owner: owner_uuid.to_string(),
            order,
            _services: services,
            _databases: databases,
        };
        system.followed().await;
        system
    }

    /// Waits until every service that stores the order returns it to its owner.
    async fn followed(&self) {
        for row in table::rows().into_iter().filter(|row| row.hides() && row.method.is_read()) {
            let waited = async || match self.ask(&row.method, Caller::Owner).await {
                Decision::Admitted => Ok(()),
                decision => Err(format!("{:?} answers its owner {decision}", row.method)),
            };
            eventually(waited).await;
        }
    }

    /// Calls a method with the owner and its order as arguments.
    pub async fn ask(&self, method: &Method, caller: Caller) -> Decision {
        match method.api {
            Api::Grpc => self.ask_grpc(method, caller).await,
            Api::Http => self.ask_http(method, caller).await,
        }
    }

    fn session(&self, caller: Caller) -> Option<&str> {
        let [dead, owner, another, operator] = &self.sessions;
        match caller {
            Caller::Anonymous | Caller::Service(_) => None,
            Caller::Dead => Some(dead),
            Caller::Owner => Some(owner),
            Caller::Another => Some(another),
            Caller::Operator => Some(operator),
        }
    }

    fn token(method: &Method, caller: Caller) -> Option<String> {
        let Caller::Service(name) = caller else { return None };
        let key = ServiceKey::new(name, &testkit::SERVICE_KEY.into()).unwrap();
        Some(format!("Bearer {}", key.token(method.service).unwrap()))
    }

    async fn ask_grpc(&self, method: &Method, caller: Caller) -> Decision {
        let mut request = Request::new(method::request(&method.name, &self.order, &self.owner));
        if let Some(session) = self.session(caller) {
            request.metadata_mut().insert(SESSION_METADATA, session.parse().unwrap());
        }
        if let Some(token) = Self::token(method, caller) {
            request.metadata_mut().insert("authorization", token.parse().unwrap());
        }
        request.set_timeout(Duration::from_secs(10));
        let mut client = Grpc::new(self.grpc[method.service].clone());
        client.ready().await.unwrap();
        let path = PathAndQuery::try_from(method.name.as_str()).unwrap();
        let response = client.unary(request, path, Raw).await;
        Decision::of_grpc(response.as_ref().map(|_| ()))
    }

    async fn ask_http(&self, method: &Method, caller: Caller) -> Decision {
        let (verb, path) = method.name.split_once(' ').unwrap();
        let path = path.replace("{order_uuid}", &self.order).replace("{*rest}", "index.css");
        // The path parameter is a courier's, order's or customer's id.
        let path =
            ["{id}", "{order_id}", "{person_id}"].into_iter().fold(path, |path, name| path.replace(name, &self.order));
        let path = path.replace("{name}", "style-0.css");
        let url = format!("http://{}{path}", self.http[method.service]);
        let mut request = self.client.request(verb.parse().unwrap(), url);
        if verb == "POST" {
            // The console accepts writes only from its own pages.
            request = request.header("origin", format!("http://{}", self.http[method.service]));
            request = request.json(&json!({ "payment_method": "CARD" }));
        }
        if let Some(session) = self.session(caller) {
            request = request.header(SESSION_HEADER, session);
        }
        if let Some(token) = Self::token(method, caller) {
            request = request.header("authorization", token);
        }
        let response = request.send().await.unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        if method.name != CACHEABLE {
            assert_eq!(
                header("cache-control"),
                Some("no-store"),
                "a cache may keep what {method:?} answers {caller:?}"
            );
        }
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{method:?} to {caller:?}");
        let policy = header("content-security-policy").unwrap_or_default();
        let directives = ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"];
        let is_safe = directives.iter().all(|one| policy.contains(one)) || policy == OF_CONSOLE;
        assert!(is_safe, "{method:?} to {caller:?}: {policy:?}");
        let status = response.status().as_u16();
        assert_eq!(header("www-authenticate").is_some(), status == 401, "{method:?} answers {caller:?} {status}");
        Decision::of_http(status)
    }
}

/// Publishes an order of the owner to intake's topic. Its key is the order's uuid.
async fn taken_in(settings: &Settings, order: &str, owner: &str) {
    let topics: Topics = settings.read().unwrap();
    let content = intake::model::Order {
        order_uid: intake::model::OrderUid::stored(order),
        customer_id: owner.to_owned(),
        ..intake::sample::order(1, 1)
    };
    let record = Record {
        topic: ORDERS.topic(&topics).to_owned(),
        key: order.as_bytes().to_vec(),
        payload: serde_json::to_vec(&content).unwrap(),
        headers: HashMap::new(),
    };
    KafkaPublisher::new(&Config::load(settings).unwrap()).unwrap().publish(vec![record]).await.unwrap();
}

async fn settings() -> (Settings, Vec<Database>) {
    let (kafka, redis) = (testkit::kafka().await, testkit::redis().await);
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut databases = Vec::new();
    for service in SERVICES {
        let second = service.second_api.map(platform::server::service::SecondApi::listen_suffix);
        for suffix in ["LISTEN"].into_iter().chain(second) {
            variables.push((service.variable(suffix), free_address()));
        }
        let (_, called_at) = variables.iter().find(|(name, _)| *name == service.called_at()).unwrap();
        variables.push((service.variable("ADDRESS"), called_at.clone()));
        // The console calls order's first API, which is HTTP.
        let (_, first) = variables.iter().find(|(name, _)| *name == service.variable("LISTEN")).unwrap();
        variables.push((service.variable("HTTP_ADDRESS"), first.clone()));
    }
    for service in with_database() {
        let database = testkit::empty_database().await;
        variables.push((service.variable("DATABASE_URL"), database.url.clone()));
        variables.push((service.variable("DATABASE_CONNECTIONS"), "5".to_owned()));
        databases.push(database);
    }
    let rest = [
        ("REDIS_URL", redis.url),
        ("IAM_REDIS_PREFIX", kafka.prefix.clone()),
        // Hashing is cheap here, since many users log in.
        ("IAM_ARGON2_MEMORY_KIB", "64".to_owned()),
        ("IAM_ARGON2_ITERATIONS", "1".to_owned()),
    ];
    let settings = testkit::settings().with(kafka.settings()).with(rest);
    let own: Vec<(&str, String)> = variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    (settings.with(own).for_shared_process(), databases)
}

fn free_address() -> String {
    servers::free_address().unwrap().to_string()
}

async fn operator(settings: &Settings, shop: &Shop) -> String {
    let info = UserInfo::new(OPERATOR.to_owned(), "operator@example.com".to_owned(), Vec::new()).unwrap();
    let database = iam::SERVICE.pool("access", 1, settings).unwrap();
    let hashing = Hashing::new(&settings.read::<Cost>().unwrap()).unwrap();
    let service = OperatorService::new(PgUsers::new(database.clone()), Author::command_line());
    let password =
        Password::chosen("password", PASSWORD.to_owned(), [&info.login, &info.email], iam::model::MIN_CHARACTERS)
            .unwrap();
    let user = User::new(UserId::new(ids::ordered()), info, clock::now());
    service.create(user, &hashing, password, random::secret()).await.unwrap();
    database.close().await;
    let request = LoginRequest { login: OPERATOR.to_owned(), password: PASSWORD.to_owned() };
    shop.auth().login(request).await.unwrap().into_inner().session_uuid
}

async fn become_customer(customers: &Channel, session: &str) {
    let (name, birth_date) = ("Ann".to_owned(), "1990-12-31".to_owned());
    let mut request = Request::new(CreateCustomerRequest { name, birth_date, ..CreateCustomerRequest::default() });
    request.metadata_mut().insert(SESSION_METADATA, session.parse().unwrap());
    CustomerServiceClient::new(customers.clone()).create_customer(request).await.unwrap();
}

/// Creates a paid order of this user with a delivery address, and returns its uuid.
async fn paid_order(shop: &Shop, session: &str, user: &str) -> String {
    let (parts, _) = customer::parts(shop, session).await.unwrap();
    let parts: Vec<&str> = parts.iter().map(|part| part.uuid.as_str()).collect();
    let body = json!({ "user_uuid": user, "part_uuids": parts, "delivery_address": "Main Street" });
    let created = shop.ask(Verb::POST, "/api/v1/orders", Some(session), Some(body)).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text);
    let created: serde_json::Value = serde_json::from_str(&created.text).unwrap();
    let order = created["order_uuid"].as_str().unwrap().to_owned();
    let body = json!({ "payment_method": "CARD" });
    let paid = shop.ask(Verb::POST, &format!("/api/v1/orders/{order}/pay"), Some(session), Some(body)).await.unwrap();
    assert_eq!(paid.status, 200, "{}", paid.text);
    order
}

/// A codec that passes encoded messages through.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = source.remaining();
        Ok(Some(source.copy_to_bytes(length).to_vec()))
    }
}
