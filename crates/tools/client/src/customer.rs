//! A customer's steps around orders: register, log in, list parts, log out, end the account.

use anyhow::{Context as _, ensure};
use contracts::proto::{
    auth::v1::{LoginRequest, LogoutRequest, WhoamiRequest},
    common::v1::{NotificationMethod, UserInfo},
    inventory::v1::{GetPartRequest, ListPartsRequest, Part},
    user::v1::{DeleteAccountRequest, RegisterRequest, UserRegistrationInfo},
};
use platform::ids;
use reqwest::Method;
use tonic::Code;
use uuid::Uuid;

use crate::shop::{Shop, refused, success, within};

/// The password of the users whom drive, chaos and benchmarks register in numbers. A [`Customer`] has its own.
pub const PASSWORD: &str = "SecurePassword123!";
/// The path of the orders in order's HTTP API.
pub const ORDERS: &str = "/api/v1/orders";

/// A step's result and a remark.
type Step<T> = anyhow::Result<(T, String)>;

pub struct Customer {
    pub login: String,
    pub password: String,
    email: String,
}

/// Returns the request that registers `login`, with an e-mail address and [`PASSWORD`].
pub fn registration(login: &str, notification_methods: Vec<NotificationMethod>) -> RegisterRequest {
    with_password(login, PASSWORD, notification_methods)
}

fn with_password(login: &str, password: &str, notification_methods: Vec<NotificationMethod>) -> RegisterRequest {
    let info = UserInfo { login: login.to_owned(), email: format!("{login}@example.com"), notification_methods };
    RegisterRequest { info: Some(UserRegistrationInfo { info: Some(info), password: password.to_owned() }) }
}

impl Customer {
    /// Creates a customer without registering it. Its login begins with `who`, and its password is random.
    pub fn fresh(who: &str) -> Self {
        let login = format!("{who}-{:.12}", ids::random().simple().to_string());
        Self { email: format!("{login}@example.com"), password: ids::random().to_string(), login }
    }

    pub async fn register(&self, shop: &Shop) -> Step<Uuid> {
        let request = with_password(&self.login, &self.password, Vec::new());
        let response = success("Register", shop.users().register(request.clone()).await)?;
        let user = response.user_uuid.parse().context("user_uuid is not a uuid")?;
        refused("Register of a taken login", shop.users().register(request).await, Code::AlreadyExists, "")?;
        Ok((user, self.login.clone()))
    }

    pub async fn log_in(&self, shop: &Shop) -> Step<String> {
        let wrong = LoginRequest { login: self.login.clone(), password: "WrongPassword123!".to_owned() };
        refused("Login with a wrong password", shop.auth().login(wrong).await, Code::Unauthenticated, "")?;
        let request = LoginRequest { login: self.login.clone(), password: self.password.clone() };
        let session = success("Login", shop.auth().login(request).await)?.session_uuid;
        ensure!(!session.is_empty(), "session_uuid is empty");
        Ok((session, String::new()))
    }

    /// Logs in, and ends the account.
    pub async fn delete_account(&self, shop: &Shop) -> anyhow::Result<()> {
        let (session, _) = self.log_in(shop).await?;
        let request = DeleteAccountRequest { password: self.password.clone() };
        success("DeleteAccount", shop.users().delete_account(within(&session, request)?).await)?;
        Ok(())
    }

    pub async fn whoami(&self, shop: &Shop, session: &str, user: Uuid) -> Step<()> {
        let request = WhoamiRequest { session_uuid: session.to_owned(), ..WhoamiRequest::default() };
        let response = success("Whoami", shop.auth().whoami(request).await)?;
        let living = response.session.context("Whoami answered no session")?;
        ensure!(living.uuid == session, "Whoami answered the session {}", living.uuid);
        ensure!(living.created_at.is_some() && living.expires_at.is_some(), "the session lacks a time");
        let known = response.user.context("Whoami answered no user")?;
        ensure!(known.uuid == user.to_string(), "Whoami answered the user {}, not {user}", known.uuid);
        let info = known.info.context("Whoami answered a user without info")?;
        ensure!(info.login == self.login && info.email == self.email, "Whoami answered {info:?}");
        Ok(((), user.to_string()))
    }
}

pub async fn find(shop: &Shop) -> Step<()> {
    let response = shop.ask(Method::GET, "/health/ready", None, None).await?;
    ensure!(response.status == 200, "order is not ready: {}", response.text);
    Ok(((), String::new()))
}

/// Checks that requests without a session are rejected.
pub async fn stranger(shop: &Shop) -> Step<()> {
    shop.ask(Method::GET, ORDERS, None, None).await?.problem(401, "MISSING_SESSION")?;
    let dead = ids::random().to_string();
    shop.ask(Method::GET, ORDERS, Some(&dead), None).await?.problem(401, "INVALID_SESSION")?;
    let list = ListPartsRequest::default();
    let response = shop.inventory().list_parts(list.clone()).await;
    refused("ListParts without a session", response, Code::Unauthenticated, "missing session-uuid in metadata")?;
    let response = shop.inventory().list_parts(within("", list.clone())?).await;
    refused("ListParts with an empty session", response, Code::Unauthenticated, "empty session-uuid")?;
    let response = shop.inventory().list_parts(within(&dead, list)?).await;
    refused("ListParts with a dead session", response, Code::Unauthenticated, "invalid session")?;
    Ok(((), String::new()))
}

/// Returns two kinds of parts that are in stock.
pub async fn parts(shop: &Shop, session: &str) -> Step<Vec<Part>> {
    let listed =
        success("ListParts", shop.inventory().list_parts(within(session, ListPartsRequest::default())?).await)?;
    let count = listed.parts.len();
    for part in &listed.parts {
        ensure!(Uuid::try_parse(&part.uuid).is_ok(), "the part {} has no uuid", part.name);
        ensure!(part.price > 0.0 && part.stock_quantity >= 0, "the part {} has no price or stock", part.name);
        ensure!(part.dimensions.is_some() && part.manufacturer.is_some(), "the part {} is incomplete", part.name);
    }
    let mut chosen: Vec<Part> = listed.parts.into_iter().filter(|part| part.stock_quantity >= 5).collect();
    chosen.sort_by_key(|part| std::cmp::Reverse(part.stock_quantity));
    chosen.truncate(2);
    ensure!(chosen.len() == 2, "the shop is sold out; `shipyard restock` adds stock");
    let request = GetPartRequest { uuid: chosen[0].uuid.clone() };
    let part = success("GetPart", shop.inventory().get_part(within(session, request)?).await)?.part;
    ensure!(part.is_some_and(|part| part.uuid == chosen[0].uuid), "GetPart answered another part");
    let unknown = GetPartRequest { uuid: ids::random().to_string() };
    refused(
        "GetPart of an unknown part",
        shop.inventory().get_part(within(session, unknown)?).await,
        Code::NotFound,
        "",
    )?;
    Ok((chosen, format!("{count} kinds")))
}

/// Logs out, and checks that the session is rejected afterwards.
pub async fn log_out(shop: &Shop, session: &str) -> Step<()> {
    let request = LogoutRequest { session_uuid: session.to_owned() };
    success("Logout", shop.auth().logout(request).await)?;
    shop.ask(Method::GET, ORDERS, Some(session), None).await?.problem(401, "INVALID_SESSION")?;
    let request = WhoamiRequest { session_uuid: session.to_owned(), ..WhoamiRequest::default() };
    refused("Whoami after Logout", shop.auth().whoami(request).await, Code::Unauthenticated, "")?;
    Ok(((), String::new()))
}
