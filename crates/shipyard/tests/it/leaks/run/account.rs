//! The steps with accounts: registration, logins, changes of passwords and contacts.

use std::time::Duration;

use contracts::proto::{
    auth::v1::{LoginRequest, LogoutRequest, WhoamiRequest},
    common::v1::{NotificationMethod, UserInfo},
    user::v1::{
        ChangeContactsRequest, ChangePasswordRequest, CreateContactCodeRequest, GetUserRequest, RegisterRequest,
        UserRegistrationInfo,
    },
};
use platform::ids;
use sqlx::{Connection as _, PgConnection};
use stand_ins::Telegram;
use testkit::eventually;
use tonic::{Request, metadata::MetadataValue};
use uuid::Uuid;

use super::Visit;
use crate::customer::ORDERS;

/// The number of wrong passwords: more than lock a login.
const GUESSES: usize = 12;

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

    pub(super) async fn logged_in(&self, login: &str, password: &str) -> Result<String, tonic::Status> {
        let request = LoginRequest { login: login.to_owned(), password: password.to_owned() };
        Ok(self.customer.auth().login(request).await?.into_inner().session_uuid)
    }

    pub(super) async fn register(&mut self, number: u128) {
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

    pub(super) async fn log_in(&mut self) {
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

    pub(super) async fn change_password(&mut self) {
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
    pub(super) async fn confirm_contact(&mut self, telegram: &Telegram) {
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

    pub(super) async fn change_contacts(&mut self, number: u128) {
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

    /// Registers a user whose login and e-mail are free when iam looks them up, and taken when iam writes them, so that
    /// PostgreSQL refuses the row.
    pub(super) async fn register_second(&mut self, iam: &mut PgConnection, number: u128) {
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
    pub(super) async fn register_slowly(&mut self, iam: &mut PgConnection) {
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

    pub(super) async fn log_out(&mut self) {
        let session_uuid = self.customer.session.clone();
        self.customer.auth().logout(LogoutRequest { session_uuid }).await.unwrap();
        let ended = self.customer.get(ORDERS).await;
        self.written.problem(&ended);
    }
}
