//! The whole service over real PostgreSQL and Kafka, with stand-ins for iam, the checker and payment.

mod loans;
mod payment;
mod profiles;

use std::net::SocketAddr;

use contracts::{
    events::{Event, LOAN_APPROVED},
    proto::customers::v1::{
        Address, CreateCustomerRequest, Customer, DecideKycRequest, GetCustomerRequest, KycDecision, ListLoansRequest,
        RollbackKycRequest, UpdateCustomerRequest, customer_service_client::CustomerServiceClient,
    },
};
use customers::{app, config::Config, repository::MIGRATIONS};
use outbox::Record;
use platform::{config::Settings, grpc::Peer, ids, kafka::Message};
use serde_json::{Value, json};
use stand_ins::Kyc;
use testkit::{Database, Iam, Kafka, Running, eventually, with_session};
use tonic::Status;
use uuid::Uuid;

use self::payment::Payment;

struct Fixture {
    kafka: Kafka,
    iam: Iam,
    kyc: Kyc,
    payment: Payment,
    database: Database,
    settings: Settings,
    address: SocketAddr,
    service: Option<Running>,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let (database, kafka, iam) = tokio::join!(testkit::database(&MIGRATIONS), testkit::kafka(), testkit::iam());
        let kyc = Kyc::start().await.unwrap();
        kyc.decline("Mallory");
        let payment = Payment::start().await;
        let settings = testkit::settings().with(kafka.settings()).with([
            ("CUSTOMERS_DATABASE_URL", database.url.clone()),
            ("IAM_ADDRESS", iam.address.to_string()),
            ("PAYMENT_ADDRESS", payment.address.to_string()),
            ("KYC_PROVIDER_URL", kyc.url()),
        ]);
        let settings = settings.with(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let (address, service) = start(&settings).await;
        Self { kafka, iam, kyc, payment, database, settings, address, service: Some(service) }
    }

    async fn crash(&mut self) {
        if let Some(service) = self.service.take() {
            service.kill().await;
        }
        let (address, service) = start(&self.settings).await;
        (self.address, self.service) = (address, Some(service));
    }

    fn client(&self) -> CustomerServiceClient<Peer> {
        let peer = Peer::lazy("customers", "TEST_ADDRESS", &self.address.to_string()).expect("an address");
        CustomerServiceClient::new(peer)
    }

    /// Creates a user with a session.
    fn user(&self) -> (Uuid, String) {
        let user = ids::random();
        (user, self.iam.session(user))
    }

    async fn create(&self, session: &str, name: &str) -> Result<Customer, Status> {
        let request = with_session(session, creation(name));
        Ok(self.client().create_customer(request).await?.into_inner().customer.unwrap())
    }

    async fn update(&self, session: &str, name: &str, version: i64) -> Result<Customer, Status> {
        let CreateCustomerRequest { name, address, birth_date } = creation(name);
        let request = UpdateCustomerRequest { name, address, birth_date, version, ..UpdateCustomerRequest::default() };
        Ok(self.client().update_customer(with_session(session, request)).await?.into_inner().customer.unwrap())
    }

    async fn rollback_kyc(&self, session: &str, user: Uuid, reason: &str) -> Result<Customer, Status> {
        let request = RollbackKycRequest { customer_id: user.to_string(), reason: reason.to_owned() };
        Ok(self.client().rollback_kyc(with_session(session, request)).await?.into_inner().customer.unwrap())
    }

    async fn decide_kyc(
        &self,
        session: &str,
        user: Uuid,
        version: i64,
        decision: KycDecision,
        reason: &str,
    ) -> Result<Customer, Status> {
        let (customer_id, reason) = (user.to_string(), reason.to_owned());
        let request = DecideKycRequest { customer_id, version, decision: decision.into(), reason };
        Ok(self.client().decide_kyc(with_session(session, request)).await?.into_inner().customer.unwrap())
    }

    async fn get(&self, session: &str, user: Uuid) -> Result<Customer, Status> {
        let request = GetCustomerRequest { customer_id: user.to_string() };
        Ok(self.client().get_customer(with_session(session, request)).await?.into_inner().customer.unwrap())
    }

    /// Waits until the customer has this status, and returns it.
    async fn reaches(&self, session: &str, user: Uuid, status: &str) -> Customer {
        let reached = async || self.get(session, user).await.ok().filter(|customer| customer.kyc_status == status);
        eventually(reached).await
    }

    /// Creates a customer and waits until it is VERIFIED.
    async fn verified(&self) -> (Uuid, String) {
        let (user, session) = self.user();
        self.create(&session, "Ann").await.unwrap();
        self.reaches(&session, user, "VERIFIED").await;
        (user, session)
    }

    /// The user's loans as (id, status).
    async fn loans(&self, session: &str, user: Uuid) -> Vec<(String, String)> {
        let request = ListLoansRequest { customer_id: user.to_string(), ..ListLoansRequest::default() };
        let loans = self.client().list_loans(with_session(session, request)).await.unwrap().into_inner().loans;
        loans.into_iter().map(|loan| (loan.loan_id, loan.status)).collect()
    }

    /// Waits until the loan has this status.
    async fn loan_reaches(&self, session: &str, user: Uuid, loan: &str, status: &str) {
        let wanted = (loan.to_owned(), status.to_owned());
        eventually(async || self.loans(session, user).await.contains(&wanted).then_some(())).await;
    }

    /// Publishes records to `loan.approved` as an outside program does.
    async fn approve(&self, loans: Vec<Vec<u8>>) {
        let topic = LOAN_APPROVED.topic(&self.kafka.topics()).to_owned();
        let record = |payload| Record { topic: topic.clone(), key: Vec::new(), payload, headers: [].into() };
        self.kafka.publish(loans.into_iter().map(record).collect()).await;
    }

    /// Waits until there are `count` events of the type `E` about `key`, and returns them with their payloads.
    async fn events<E: Event>(&self, key: Uuid, count: usize) -> Vec<(E, Vec<u8>)> {
        let topic = self.kafka.topics().of::<E>().to_owned();
        eventually(|| async {
            let messages = self.kafka.messages(&topic).await;
            let own = messages.into_iter().filter(|message| message.key == key.to_string().as_bytes());
            let events: Vec<_> =
                own.map(|message: Message| (E::decode(&*message.payload).unwrap(), message.payload)).collect();
            (events.len() >= count).then_some(events)
        })
        .await
    }

    async fn letters(&self) -> Vec<Message> {
        self.kafka.messages(&format!("{}.dlq", LOAN_APPROVED.topic(&self.kafka.topics()))).await
    }
}

/// Encodes a loan as outside programs do.
fn loan(user: Uuid, loan: &str, amount: f64) -> Vec<u8> {
    let loan: Value = json!({ "customer_id": user, "loan_id": loan, "amount": amount, "timestump": 1_700_000_000 });
    loan.to_string().into_bytes()
}

fn creation(name: &str) -> CreateCustomerRequest {
    let address = Address {
        street: "Main Street 1".to_owned(),
        city: "Moscow".to_owned(),
        state: String::new(),
        zip: "101000".to_owned(),
    };
    CreateCustomerRequest { name: name.to_owned(), address: Some(address), birth_date: "1990-12-31".to_owned() }
}

async fn start(settings: &Settings) -> (SocketAddr, Running) {
    testkit::start(app::build(Config::load(settings).unwrap()).await.unwrap()).await
}
