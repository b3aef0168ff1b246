//! The service over PostgreSQL and Kafka, with a stand-in for iam. Of the other services' databases it reaches those of
//! order and the console alone.

use std::net::SocketAddr;

use contracts::proto::operations::v1::{
    ListActionsRequest, ListDeadLettersRequest, ListDeadLettersResponse,
    operations_service_client::OperationsServiceClient,
};
use operations::{app, config::Config, registry::with_database, repository::MIGRATIONS};
use platform::{config::Settings, grpc::Peer, ids};
use testkit::{Database, Iam, Kafka, Running, with_session};
use uuid::Uuid;

/// Nothing listens there.
const AWAY: &str = "127.0.0.1:1";

pub struct Fixture {
    pub kafka: Kafka,
    pub iam: Iam,
    pub database: Database,
    order: Database,
    console: Database,
    settings: Settings,
    address: SocketAddr,
    service: Option<Running>,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::with_databases_at(AWAY).await
    }

    /// Starts the service with the address `away` for the databases that it cannot reach.
    pub async fn with_databases_at(away: &str) -> Self {
        Self::with_databases(away, true).await
    }

    /// Starts the service while order's database is unavailable, too.
    pub async fn without_orders() -> Self {
        Self::with_databases(AWAY, false).await
    }

    async fn with_databases(away: &str, has_orders: bool) -> Self {
        let (database, kafka, iam) = tokio::join!(testkit::database(&MIGRATIONS), testkit::kafka(), testkit::iam());
        let order = testkit::database(order::SERVICE.migrations().unwrap()).await;
        let console = testkit::database(console::SERVICE.migrations().unwrap()).await;
        let urls: Vec<(String, String)> = with_database()
            .map(|service| {
                let url = match service.name {
                    "operations" => database.url.clone(),
                    "order" if has_orders => order.url.clone(),
                    "console" => console.url.clone(),
                    _ => format!("postgres://nobody@{away}/away"),
                };
                (service.variable("DATABASE_URL"), url)
            })
            .collect();
        let settings = testkit::settings()
            .with(kafka.settings())
            .with(urls.iter().map(|(name, url)| (name.as_str(), url.clone())))
            .with([("IAM_ADDRESS", iam.address.to_string())]);
        let (address, running) = testkit::start(app::build(Config::load(&settings).unwrap()).await.unwrap()).await;
        Self { kafka, iam, database, order, console, settings, address, service: Some(running) }
    }

    pub fn client(&self) -> OperationsServiceClient<Peer> {
        client(self.address)
    }

    /// Starts a second replica, which runs until the handle is dropped.
    pub async fn replica(&self) -> (OperationsServiceClient<Peer>, Running) {
        let app = app::build(Config::load(&self.settings).unwrap()).await.unwrap();
        let (address, running) = testkit::start(app).await;
        (client(address), running)
    }

    /// Stops the service, and waits for it.
    pub async fn stop(&mut self) {
        self.service.take().unwrap().stop().await;
    }

    /// Adds an order of this user, with this number of records, and returns its uuid.
    pub async fn order(&self, user: Uuid, records: i64) -> Uuid {
        let order = ids::random();
        let add = "insert into orders (uuid, user_uuid, part_uuids, total_price, unit_prices, status, pay_until)
            values ($1, $2, array[gen_random_uuid()], 100, '{100}', 'PENDING_PAYMENT', now() + interval '1 day')";
        sqlx::query(add).bind(order).bind(user).execute(&self.order.pool).await.unwrap();
        let add = "insert into timeline (place, topic_id, topic, partition, record_offset, order_uuid, user_uuid, kind,
                committed_at, published_at, consumed_at, payload, headers)
            select number, '', 'another', 0, number, $1, $3, 'events.v1.Unheard', now(), now(), now(), '{}', '{}'
            from generate_series(1, $2) as number";
        sqlx::query(add).bind(order).bind(records).bind(user).execute(&self.console.pool).await.unwrap();
        order
    }

    /// Returns a page of the pending dead letters, and the action on dead letters.
    pub async fn page(&self, session: &str, request: ListDeadLettersRequest) -> ListDeadLettersResponse {
        self.client().list_dead_letters(with_session(session, request)).await.unwrap().into_inner()
    }

    /// Returns the action, the subject and the result of each row of the log, the newest first.
    pub async fn log(&self, session: &str) -> Vec<[String; 3]> {
        let listed = self.client().list_actions(with_session(session, ListActionsRequest::default())).await.unwrap();
        let actions = listed.into_inner().actions.into_iter();
        actions.map(|one| [one.action, one.subject, one.result]).collect()
    }
}

fn client(address: SocketAddr) -> OperationsServiceClient<Peer> {
    OperationsServiceClient::new(Peer::lazy("operations", "TEST_ADDRESS", &address.to_string()).unwrap())
}
