//! One run that uses every secret and contact: registration, logins, changes, orders, payments, refusals, outages.

mod account;

use std::collections::HashMap;

use contracts::proto::{
    auth::v1::LogoutAllRequest,
    customers::v1::{Address, CreateCustomerRequest, customer_service_client::CustomerServiceClient},
};
use outbox::Record;
use platform::{ids, kafka::dead_letter_topic};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use stand_ins::{Telegram, TelegramMode};
use testkit::eventually;
use tonic::transport::Endpoint;
use uuid::Uuid;

use super::{
    BOT_TOKEN, OPERATOR, OPERATORS_CHAT,
    written::{Secrets, Written},
};
use crate::{
    customer::{Customer, ORDERS, PASSWORD, send, texts_of_order},
    system::System,
};

pub struct Run {
    pub secrets: Secrets,
    pub user: Uuid,
}

struct Visit<'a> {
    system: &'a System,
    written: &'a mut Written,
    secrets: Secrets,
    customer: Customer,
    login: String,
    email: String,
    /// The user's Telegram target.
    contact: String,
}

impl Run {
    pub async fn through(system: &System, telegram: &Telegram, postgres: &str, written: &mut Written) -> Self {
        let mut secrets = Secrets::default();
        let url = reqwest::Url::parse(postgres).unwrap();
        secrets.add("password of PostgreSQL", url.password().unwrap());
        secrets.add("service key", testkit::SERVICE_KEY);
        secrets.add("service token", "eyJ0eXAi");
        secrets.add("token of the bot", BOT_TOKEN);
        secrets.add("operators' chat", OPERATORS_CHAT);
        secrets.add("password", PASSWORD);
        let customer = Customer::new(system).await;
        secrets.add("session", &customer.session);
        secrets.add("login", &customer.login);
        secrets.add("e-mail", format!("{}@example.com", customer.login));
        let number = ids::random().as_u128() % 1_000_000;
        let login = secrets.add("login", format!("leaks-ann-{number:06}"));
        let email = secrets.add("e-mail", format!("ann.{number:06}@leaks.example"));
        let mut visit = Visit { system, written, secrets, customer, login, email, contact: String::new() };
        visit.register(number).await;
        visit.log_in().await;
        visit.change_password().await;
        visit.confirm_contact(telegram).await;
        visit.change_contacts(number).await;
        visit.become_customer().await;
        visit.order(telegram).await;
        visit.refuse_requests().await;
        visit.order_elsewhere().await;
        visit.operate().await;
        let mut iam = connected(postgres, "iam").await;
        visit.register_second(&mut iam, number).await;
        visit.register_slowly(&mut iam).await;
        visit.log_out().await;
        Self { user: visit.customer.user, secrets: visit.secrets }
    }
}

async fn connected(url: &str, database: &str) -> PgConnection {
    let (server, _) = url.rsplit_once('/').unwrap();
    PgConnection::connect(&format!("{server}/{database}")).await.unwrap()
}

impl Visit<'_> {
    async fn order(&mut self, telegram: &Telegram) {
        let before = telegram.messages().len();
        telegram.script([TelegramMode::BadGateway, TelegramMode::Broken, TelegramMode::TooMany { retry_after: 1 }]);
        let customer = &self.customer;
        let wing = customer.part("Left Wing").await.uuid;
        let mut body = json!({ "user_uuid": customer.user, "part_uuids": [wing] });
        for member in texts_of_order() {
            let text = self.secrets.add("text of an order", format!("Leaks Street 17, {member} 4242"));
            body[&member] = text.into();
        }
        assert!(body["delivery_address"].is_string(), "{body}");
        let created = customer.post_once("leaks", ORDERS, body.clone()).await.unwrap().success(201);
        customer.post_once("leaks", ORDERS, body).await.unwrap().success(201);
        let order: Uuid = created["order_uuid"].as_str().unwrap().parse().unwrap();
        customer.pay(order).await.success(200);
        let again = customer.pay(order).await;
        let engine = customer.part("Main Engine").await.uuid;
        let dear = customer.order(&[engine.as_str(); 7]).await;
        let declined = customer.pay(dear).await;
        customer.cancel(dear).await.success(204);
        customer.until(order, "ASSEMBLED").await;
        // Telegram has accepted a message whose response was lost; it is retried only later. The other messages are
        // sent meanwhile.
        eventually(async || (telegram.messages().len() > before).then_some(())).await;
        self.written.problem(&again);
        self.written.problem(&declined);
    }

    async fn become_customer(&mut self) {
        let name = self.secrets.add("name", "Leaks Ann Nemo");
        let street = self.secrets.add("address", "Leaks Boulevard 71");
        let city = self.secrets.add("address", "Leaksville");
        let birth_date = self.secrets.add("birth date", "1971-07-17");
        let address = Some(Address { street, city, zip: "LK-4242".to_owned(), ..Address::default() });
        let endpoint = Endpoint::from_shared(format!("http://{}", self.system.address(&customers::SERVICE))).unwrap();
        let customers = CustomerServiceClient::new(endpoint.connect_lazy());
        let request = CreateCustomerRequest { name, address, birth_date };
        customers.clone().create_customer(self.customer.within(request.clone())).await.unwrap();
        let again = customers.clone().create_customer(self.customer.within(request.clone())).await;
        self.written.refused("CreateCustomer", again);
        let later = CreateCustomerRequest { birth_date: "2971-07-17".to_owned(), ..request };
        let refused = customers.clone().create_customer(self.customer.within(later)).await;
        self.written.refused("CreateCustomer", refused);
    }

    /// Publishes two orders of another shop: a valid one, and one that becomes a dead letter.
    async fn order_elsewhere(&mut self) {
        let topic = contracts::events::ORDERS.topic(&self.system.kafka.topics()).to_owned();
        let mut order = serde_json::to_value(intake::sample::order(7, 7)).unwrap();
        for (member, text) in [
            ("name", "Leaks Bob Nemo"),
            ("phone", "+7770004242"),
            ("city", "Leaksburg"),
            ("address", "Leaks Alley 27"),
            ("email", "bob.nemo@leaks.example"),
        ] {
            order["delivery"][member] = self.secrets.add("person of another shop", text).into();
        }
        let record = |order: &Value| Record {
            topic: topic.clone(),
            key: order["order_uid"].as_str().unwrap().into(),
            payload: order.to_string().into_bytes(),
            headers: HashMap::new(),
        };
        let mut broken = order.clone();
        broken["order_uid"] = "leaks-broken".into();
        broken["delivery"]["email"] = self.secrets.add("e-mail", "bob nemo at leaks").into();
        self.system.kafka.publish(vec![record(&order), record(&broken)]).await;
        let dead = dead_letter_topic(&topic);
        eventually(async || (!self.system.kafka.messages(&dead).await.is_empty()).then_some(())).await;
    }

    /// Sends secrets in fields where they do not belong.
    async fn refuse_requests(&mut self) {
        let (customer, password) = (&self.customer, "second-Password-of-ann");
        let post = async |body: Value| customer.post(ORDERS, body).await;
        let address = self.secrets.add("address", "Leaks Road 27, flat 4242");
        let long = self.secrets.add("address", "Leaks Avenue ".repeat(40));
        let unknown = json!([{ "product_id": "No Such Part", "quantity": 1, "price": 1.0 }]);
        let mut responses = vec![
            post(json!({ "user_uuid": self.email, "part_uuids": [] })).await,
            post(json!({ "user_uuid": customer.user, "part_uuids": self.email })).await,
            post(json!({ "user_uuid": customer.user, "part_uuids": [password] })).await,
            post(json!({ "user_uuid": customer.user, "part_uuids": [], "delivery_address": [password] })).await,
            post(json!({ "user_uuid": customer.user, "part_uuids": [], "delivery_address": long })).await,
            customer
                .post("/api/orders", json!({ "user_id": customer.user, "delivery_address": address, "items": unknown }))
                .await,
            post(json!(password)).await,
            customer.post(&format!("{ORDERS}/{}/pay", customer.user), json!({ "payment_method": password })).await,
            customer.get(&format!("{ORDERS}?limit={password}&cursor={}", customer.session)).await,
            customer.get(&format!("{ORDERS}?limit=1&cursor={}", customer.session)).await,
        ];
        let request = customer.request(Method::POST, ORDERS).header("X-Session-Uuid", &customer.session);
        let broken = format!("{{\"user_uuid\": \"{}\", \"part_uuids\": {password}", self.email);
        responses.push(send(request.header("Content-Type", "application/json").body(broken)).await);
        let request = customer.request(Method::GET, ORDERS).header("X-Session-Uuid", password);
        responses.push(send(request).await);
        let request = customer.request(Method::GET, ORDERS).header("Authorization", format!("Bearer {password}"));
        responses.push(send(request).await);
        let key = self.secrets.add("password", "kéy-with-password");
        let request = customer.request(Method::POST, ORDERS).header("X-Session-Uuid", &customer.session);
        responses.push(send(request.header("Idempotency-Key", key.as_bytes()).json(&json!({}))).await);
        for response in &responses {
            self.written.problem(response);
        }
    }

    async fn operate(&mut self) {
        let password = self.secrets.add("password", "Password-of-the-operator");
        let file = self.system.directory.path().join("password");
        std::fs::write(&file, &password).unwrap();
        let file = file.display().to_string();
        for _ in 0..2 {
            let output = self.system.shipyard(&["operator", "add", OPERATOR, "--password-file", &file]).await;
            self.written.add("output of shipyard operator", &[output.stdout, output.stderr].concat());
        }
        let session = self.logged_in(OPERATOR, &password).await.unwrap();
        let session_uuid = self.secrets.add("session", session);
        self.customer.auth().logout_all(LogoutAllRequest { session_uuid }).await.unwrap();
        for command in [["doctor"].as_slice(), &["dlq", "list"], &["audit"]] {
            let output = self.system.shipyard(command).await;
            self.written.add(&format!("output of shipyard {command:?}"), &[output.stdout, output.stderr].concat());
        }
    }
}
