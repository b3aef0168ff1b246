//! A stand-in for iam that knows the sessions and users that a test creates.

mod accounts;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use contracts::identity::OPERATOR;
use contracts::proto::{
    auth::v1::{
        ListOwnersRequest, ListOwnersResponse, ListSessionsRequest, ListSessionsResponse, LoginRequest, LoginResponse,
        LogoutRequest, LogoutResponse, SessionOwner, SessionState, SessionSummary, WhoamiRequest, WhoamiResponse,
        auth_service_server::{AuthService, AuthServiceServer},
        session_owner_service_server::{SessionOwnerService, SessionOwnerServiceServer},
        session_service_server::{SessionService, SessionServiceServer},
    },
    common::v1::{NotificationMethod, Session, User, UserInfo},
    user::v1::{contact_service_server::ContactServiceServer, user_service_server::UserServiceServer},
};
use platform::{
    auth::{Access, Caller, Credential, Guard, MemorySessions, Rule, ServiceKey, Sessions as _},
    grpc::Services,
    ids,
    server::readiness::Readiness,
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    running::{Running, run},
    settings::SERVICE_KEY,
};

/// Serves Login, Logout, Whoami, ListSessions, ListOwners, GetUser, DeleteAccount and ConfirmContact until it is
/// dropped.
pub struct Iam {
    pub address: SocketAddr,
    known: Known,
    _server: Running,
}

#[derive(Clone, Default)]
struct Known {
    sessions: Arc<MemorySessions>,
    users: Arc<Mutex<HashMap<Uuid, Vec<NotificationMethod>>>>,
    /// Contacts' confirmation codes, each with its user.
    codes: Arc<Mutex<HashMap<String, Uuid>>>,
    attempts: Arc<Mutex<Vec<Attempt>>>,
    /// The logins, each with its user.
    logins: Arc<Mutex<HashMap<String, Uuid>>>,
    /// Users whose account cannot be deleted, each with its open orders.
    open_orders: Arc<Mutex<HashMap<Uuid, Vec<Uuid>>>>,
    has_lost_database: Arc<AtomicBool>,
}

/// An attempt to log in, to register or to delete an account. The stand-in refuses all registrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The calling service, if it proved its identity.
    pub service: Option<String>,
    /// The call's `X-Forwarded-For`.
    pub forwarded_for: String,
}

impl Known {
    fn record<T>(&self, request: &Request<T>) {
        let service = match request.extensions().get() {
            Some(Caller::Service(name)) => Some(name.clone()),
            _ => None,
        };
        let forwarded_for = request.metadata().get("x-forwarded-for").and_then(|value| value.to_str().ok());
        let attempt = Attempt { service, forwarded_for: forwarded_for.unwrap_or_default().to_owned() };
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).push(attempt);
    }
}

const RULES: &[Rule] = &[
    Rule::session("/auth.v1.SessionService/ListSessions", &[]),
    Rule::session("/user.v1.UserService/GetUser", &["order", "notification"]),
    Rule::services("/user.v1.ContactService/ConfirmContact", &["notification"]),
];
/// The password of every user.
pub const PASSWORD: &str = "SecurePassword123!";
/// The id of a chat that has sent too many wrong codes.
pub const LIMITED_CHAT: i64 = 429;
/// The id of a chat whose codes iam refuses unread, as under too many calls.
pub const BUSY_CHAT: i64 = 503;

pub async fn iam() -> Iam {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let known = Known::default();
    let key = ServiceKey::new("iam", &SERVICE_KEY.into()).expect("the key of tests is long enough");
    let guard = Guard::new(known.sessions.clone(), key, RULES).otherwise(Access::Public);
    let services = Services::new(contracts::proto::DESCRIPTORS)
        .with(AuthServiceServer::new(known.clone()))
        .with(SessionOwnerServiceServer::new(known.clone()))
        .with(SessionServiceServer::new(known.clone()))
        .with(ContactServiceServer::new(known.clone()))
        .with(UserServiceServer::new(known.clone()));
    Iam { address, known, _server: run(|stop| services.serve(listener, guard, Readiness::default(), stop)) }
}

impl Iam {
    pub fn session(&self, user: Uuid) -> String {
        let session = ids::random().to_string();
        self.known.sessions.open(&session, user);
        session
    }

    pub fn end_session(&self, session: &str) {
        self.known.sessions.end(session);
    }

    /// Opens a session of `user` with the role `operator`.
    pub fn operator_session(&self, user: Uuid) -> String {
        let session = ids::random().to_string();
        self.known.sessions.open_operator(&session, user);
        session
    }

    /// Makes an access token of `user` known. Its header is that of an access token, but it is not signed.
    pub fn token(&self, user: Uuid) -> String {
        // The header is {"typ":"at+jwt","alg":"ES256"}.
        let token = format!("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.{}.signature", ids::random().simple());
        self.known.sessions.add_token(&token, user);
        token
    }

    /// Registers the user with these contacts, as (provider, target).
    pub fn add_user(&self, user: Uuid, contacts: &[(&str, &str)]) {
        let contacts = contacts
            .iter()
            .map(|(provider, target)| NotificationMethod {
                provider_name: (*provider).to_owned(),
                target: (*target).to_owned(),
                ..NotificationMethod::default()
            })
            .collect();
        self.known.users.lock().unwrap_or_else(PoisonError::into_inner).insert(user, contacts);
    }

    /// Returns the attempts to log in, to register and to delete an account, oldest first.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.known.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets `user` log in.
    pub fn add_login(&self, login: &str, user: Uuid) {
        self.known.logins.lock().unwrap_or_else(PoisonError::into_inner).insert(login.to_owned(), user);
    }

    /// Makes the deletion of the user's account fail because of these orders, until there are none.
    pub fn set_open_orders(&self, user: Uuid, orders: &[Uuid]) {
        self.known.open_orders.lock().unwrap_or_else(PoisonError::into_inner).insert(user, orders.to_vec());
    }

    /// Makes Whoami and Logout fail from now on, as without a database. Sessions stay open.
    pub fn lose_database(&self) {
        self.known.has_lost_database.store(true, Ordering::Relaxed);
    }

    pub fn add_code(&self, code: &str, user: Uuid) {
        self.known.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(code.to_owned(), user);
    }
}

fn credential(text: String) -> Credential {
    if Uuid::try_parse(&text).is_ok() { Credential::Session(text) } else { Credential::Token(text) }
}

fn user(uuid: Uuid, notification_methods: Vec<NotificationMethod>, roles: Vec<String>) -> User {
    let info = UserInfo { login: format!("user-{uuid}"), email: format!("{uuid}@example.com"), notification_methods };
    User { uuid: uuid.to_string(), info: Some(info), roles, ..User::default() }
}

#[tonic::async_trait]
impl AuthService for Known {
    async fn whoami(&self, request: Request<WhoamiRequest>) -> Result<Response<WhoamiResponse>, Status> {
        if self.has_lost_database.load(Ordering::Relaxed) {
            return Err(Status::unavailable("the database is unavailable"));
        }
        let WhoamiRequest { session_uuid, access_token } = request.into_inner();
        let credential = match access_token.as_str() {
            "" => Credential::Session(session_uuid.clone()),
            _ => Credential::Token(access_token),
        };
        let owner = self.sessions.owner(&credential).await;
        let owner = owner.map_err(|error| Status::unauthenticated(error.to_string()))?;
        let session = Session { uuid: session_uuid, ..Session::default() };
        let roles = owner.is_operator.then(|| OPERATOR.to_owned()).into_iter().collect();
        Ok(Response::new(WhoamiResponse { session: Some(session), user: Some(user(owner.uuid, Vec::new(), roles)) }))
    }

    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        self.record(&request);
        let LoginRequest { login, .. } = request.into_inner();
        let user = self.logins.lock().unwrap_or_else(PoisonError::into_inner).get(&login).copied();
        let user = user.ok_or_else(|| Status::unimplemented("add the login with testkit::Iam::add_login"))?;
        let session_uuid = ids::random().to_string();
        self.sessions.open(&session_uuid, user);
        Ok(Response::new(LoginResponse { session_uuid }))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        if self.has_lost_database.load(Ordering::Relaxed) {
            return Err(Status::unavailable("the database is unavailable"));
        }
        self.sessions.end(&request.into_inner().session_uuid);
        Ok(Response::new(LogoutResponse {}))
    }
}

#[tonic::async_trait]
impl SessionService for Known {
    /// Lists the session of the call alone.
    async fn list_sessions(&self, _: Request<ListSessionsRequest>) -> Result<Response<ListSessionsResponse>, Status> {
        let session = SessionSummary { is_current: true, ..SessionSummary::default() };
        Ok(Response::new(ListSessionsResponse { sessions: vec![session] }))
    }
}

#[tonic::async_trait]
impl SessionOwnerService for Known {
    async fn list_owners(&self, request: Request<ListOwnersRequest>) -> Result<Response<ListOwnersResponse>, Status> {
        let credentials: Vec<_> = request.into_inner().sessions.into_iter().map(credential).collect();
        let found = self.sessions.owners(&credentials).await;
        let owner = |found| match found {
            Ok(platform::auth::User { uuid, is_operator }) => SessionOwner {
                state: SessionState::Open.into(),
                user_uuid: uuid.to_string(),
                roles: is_operator.then(|| OPERATOR.to_owned()).into_iter().collect(),
            },
            Err(_) => SessionOwner { state: SessionState::Ended.into(), ..SessionOwner::default() },
        };
        Ok(Response::new(ListOwnersResponse { owners: found.into_iter().map(owner).collect() }))
    }
}
