//! One run that uses every secret and contact: registration, logins, changes, orders, payments, refusals, outages.

use std::{collections::HashMap, time::Duration};

use contracts::proto::{
    auth::v1::{LoginRequest, LogoutAllRequest, LogoutRequest, WhoamiRequest},
    common::v1::{NotificationMethod, UserInfo},
    customers::v1::{Address, CreateCustomerRequest, customer_service_client::CustomerServiceClient},
    user::v1::{
        ChangeContactsRequest, ChangePasswordRequest, CreateContactCodeRequest, GetUserRequest, RegisterRequest,
        UserRegistrationInfo,
    },
};
use outbox::Record;
use platform::{ids, kafka::dead_letter_topic};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use stand_ins::{Telegram, TelegramMode};
use testkit::eventually;
use tonic::{Request, metadata::MetadataValue, transport::Endpoint};
use uuid::Uuid;

use super::{
    BOT_TOKEN, OPERATOR, OPERATORS_CHAT,
    written::{Secrets, Written},
};
use crate::{
    customer::{Customer, ORDERS, PASSWORD, send, texts_of_order},
    system::System,
};

/// The number of wrong passwords: more than lock a login.
const GUESSES: usize = 12;

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
    fn info(&self, target: &str, mail: &str) -> UserInfo {
        let method = |provider: &str, target: &str| NotificationMethod {
            provider_name: provider.to_owned(),
            target: target.to_owned(),
            ..NotificationMethod::default()
        };
        let notification_methods = vec![method("telegram", target), method("email", mail)];
        UserInfo { login: self.login.clone(), email: self.email.clone(), notification_methods }
    }

    async fn registered(&self, info: UserInfo, password: &str) -> Result<Uuid, tonic::Status> {
        let info = UserRegistrationInfo { info: Some(info), password: password.to_owned() };
        let response = self.customer.users().register(RegisterRequest { info: Some(info) }).await?;
        Ok(response.into_inner().user_uuid.parse().unwrap())
    }

    async fn logged_in(&self, login: &str, password: &str) -> Result<String, tonic::Status> {
        let request = LoginRequest { login: login.to_owned(), password: password.to_owned() };
        Ok(self.customer.auth().login(request).await?.into_inner().session_uuid)
    }

    async fn register(&mut self, number: u128) {
        let target = self.secrets.add("Telegram target", format!("77{number:06}4242"));
        self.contact.clone_from(&target);
        let mail = self.secrets.add("e-mail", format!("other.{number:06}@leaks.example"));
        let info = self.info(&target, &mail);
        let first = self.secrets.add("password", "first-Password-of-ann");
        self.customer.user = self.registered(info.clone(), &first).await.unwrap();

        let other = self.secrets.add("login", format!("leaks-bob-{number:06}"));
        let long = self.secrets.add("contact", "x-long-contact".repeat(100));
        let broken = self.secrets.add("e-mail", format!("broken {number:06} at leaks"));
        let weak = self.secrets.add("password", "w3Ak-!");
        for (changed, password) in [
            (info.clone(), first.as_str()),
            (UserInfo { login: other.clone(), ..info.clone() }, &first),
            (UserInfo { login: other.clone(), email: broken, ..info.clone() }, &first),
            (UserInfo { login: long.clone(), ..info.clone() }, &first),
            (UserInfo { login: format!("{other}\n"), ..info.clone() }, &first),
            (UserInfo { login: other.clone(), ..self.info(&long, &mail) }, &first),
            (info.clone(), &weak),
            (info.clone(), &self.email.clone()),
        ] {
            let outcome = self.registered(changed, password).await;
            self.written.refused("Register", outcome);
        }
        let outcome = self.customer.users().register(RegisterRequest { info: None }).await;
        self.written.refused("Register", outcome);
    }

    async fn log_in(&mut self) {
        let wrong = self.secrets.add("password", "wrong-Password-of-ann");
        let unknown = self.secrets.add("login", "leaks-unknown-login");
        let outcome = self.logged_in(&self.login, &wrong).await;
        self.written.refused("Login", outcome);
        for _ in 0..GUESSES {
            let outcome = self.logged_in(&unknown, &wrong).await;
            self.written.refused("Login", outcome);
        }
        let session = self.logged_in(&self.login, "first-Password-of-ann").await.unwrap();
        self.customer.session = self.secrets.add("session", session);
        let simple = self.customer.session.replace('-', "");
        self.secrets.add("session", simple);
        let (mut auth, mut users) = (self.customer.auth(), self.customer.users());
        let session_uuid = self.customer.session.clone();
        auth.whoami(WhoamiRequest { session_uuid, ..WhoamiRequest::default() }).await.unwrap();
        let dead = self.secrets.add("session", ids::random().to_string());
        let outcome = auth.whoami(WhoamiRequest { session_uuid: dead.clone(), ..WhoamiRequest::default() }).await;
        self.written.refused("Whoami", outcome);
        let outcome = auth.whoami(WhoamiRequest { session_uuid: wrong, ..WhoamiRequest::default() }).await;
        self.written.refused("Whoami", outcome);
        let user_uuid = self.customer.user.to_string();
        users.get_user(self.customer.within(GetUserRequest { user_uuid })).await.unwrap();
        let outcome = users.get_user(self.customer.within(GetUserRequest { user_uuid: self.email.clone() })).await;
        self.written.refused("GetUser", outcome);
        let mut request = Request::new(GetUserRequest::default());
        request.metadata_mut().insert("session-uuid", MetadataValue::try_from(dead).unwrap());
        let outcome = users.get_user(request).await;
        self.written.refused("GetUser", outcome);
        let mut request = Request::new(GetUserRequest::default());
        let token = self.secrets.add("service token", "Bearer not-a-token-of-a-service");
        request.metadata_mut().insert("authorization", MetadataValue::try_from(token).unwrap());
        let outcome = users.get_user(request).await;
        self.written.refused("GetUser", outcome);
    }

    async fn change_password(&mut self) {
        let second = self.secrets.add("password", "second-Password-of-ann");
        for (old, new, well) in [
            ("wrong-Password-of-ann", second.as_str(), false),
            ("first-Password-of-ann", "w3Ak-!", false),
            ("first-Password-of-ann", &second, true),
        ] {
            let request = ChangePasswordRequest {
                session_uuid: self.customer.session.clone(),
                old_password: old.to_owned(),
                new_password: new.to_owned(),
            };
            let outcome = self.customer.users().change_password(request).await;
            if well {
                outcome.unwrap();
            } else {
                self.written.refused("ChangePassword", outcome);
            }
        }
    }

    /// Sends codes to the bot: one in a stranger's chat, and one twice in the user's own.
    async fn confirm_contact(&mut self, telegram: &Telegram) {
        let stranger = self.secrets.add("Telegram target", "7788994242");
        let own = self.contact.clone();
        for (chats, responses) in [(vec![&stranger], 1), (vec![&own, &own], 3)] {
            let request = self.customer.within(CreateContactCodeRequest {});
            let code = self.customer.contacts().create_contact_code(request).await.unwrap().into_inner().code;
            self.secrets.add("contact code", &code);
            for chat in chats {
                telegram.say(chat.parse().unwrap(), "Ann", &format!("/start {code}"));
            }
            eventually(async || (telegram.messages().len() >= responses).then_some(())).await;
        }
        assert!(telegram.messages()[1].text.starts_with("Confirmed"), "{:?}", telegram.messages());
    }

    async fn change_contacts(&mut self, number: u128) {
        let broken = self.secrets.add("Telegram target", "at-ann-of-leaks");
        let mail = self.secrets.add("e-mail", format!("third.{number:06}@leaks.example"));
        // The address of the customer that was registered first.
        let taken = format!("{}@example.com", self.customer.login);
        self.email = self.secrets.add("e-mail", format!("ann.new.{number:06}@leaks.example"));
        let (contact, email) = (self.contact.clone(), self.email.clone());
        for (password, email, target, well) in [
            ("wrong-Password-of-ann", &email, &contact, false),
            ("second-Password-of-ann", &email, &broken, false),
            ("second-Password-of-ann", &taken, &contact, false),
            ("second-Password-of-ann", &email, &contact, true),
        ] {
            let request = ChangeContactsRequest {
                session_uuid: self.customer.session.clone(),
                password: password.to_owned(),
                email: email.clone(),
                notification_methods: self.info(target, &mail).notification_methods,
            };
            let outcome = self.customer.users().change_contacts(request).await;
            if well {
                outcome.unwrap();
            } else {
                self.written.refused("ChangeContacts", outcome);
            }
        }
    }

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

    /// Registers a user whose login and e-mail are free when iam looks them up, and taken when iam writes them, so that
    /// PostgreSQL refuses the row.
    async fn register_second(&mut self, iam: &mut PgConnection, number: u128) {
        let login = self.secrets.add("login", format!("leaks-eve-{number:06}"));
        let email = self.secrets.add("e-mail", format!("eve.{number:06}@leaks.example"));
        let mut first = iam.begin().await.unwrap();
        let insert = "insert into users (uuid, login, email, password_hash, created_at, updated_at, login_key, email_key)
            values (gen_random_uuid(), $1, $2, '', now(), now(), sha256(convert_to($1, 'UTF8')), sha256(convert_to($2, 'UTF8')))";
        sqlx::query(insert).bind(&login).bind(&email).execute(&mut *first).await.unwrap();
        let info = UserInfo { login, email, notification_methods: Vec::new() };
        let (second, ()) = tokio::join!(self.registered(info, "first-Password-of-ann"), async {
            let waits = "select exists (select from pg_locks where not granted)";
            let waiting = async {
                while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut *first).await.unwrap() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), waiting)
                .await
                .expect("a registration that waits for the first");
            first.commit().await.unwrap();
        });
        self.written.refused("Register", second);
    }

    /// Registers a user with a statement that both PostgreSQL and the service log as slow.
    async fn register_slowly(&mut self, iam: &mut PgConnection) {
        for statement in [
            "create function slow() returns trigger language plpgsql as
                'begin perform pg_sleep(1.2); return new; end'",
            "create trigger slow before insert on users for each row execute function slow()",
        ] {
            sqlx::query(statement).execute(&mut *iam).await.unwrap();
        }
        let login = self.secrets.add("login", "leaks-slow-login");
        let email = self.secrets.add("e-mail", "slow@leaks.example");
        let info = UserInfo { login, email, notification_methods: Vec::new() };
        self.registered(info, "first-Password-of-ann").await.unwrap();
        sqlx::query("drop function slow() cascade").execute(&mut *iam).await.unwrap();
    }

    async fn log_out(&mut self) {
        let session_uuid = self.customer.session.clone();
        self.customer.auth().logout(LogoutRequest { session_uuid }).await.unwrap();
        let ended = self.customer.get(ORDERS).await;
        self.written.problem(&ended);
    }
}
