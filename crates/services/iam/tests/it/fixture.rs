//! The fixture: a running service and its clients.

use std::net::SocketAddr;

use contracts::proto::{
    auth::v1::{
        IssueTokenRequest, LoginRequest, LogoutAllRequest, LogoutRequest, WhoamiRequest, WhoamiResponse,
        auth_service_client::AuthServiceClient,
    },
    common::v1::{NotificationMethod, User, UserInfo},
    user::v1::{
        ChangePasswordRequest, DeleteAccountRequest, GetUserRequest, RegisterRequest, UserRegistrationInfo,
        user_service_client::UserServiceClient,
    },
};
use iam::{app, config::Config, repository::MIGRATIONS};
use platform::{config::Settings, ids, server::readiness::Readiness};
pub use testkit::PASSWORD;
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint},
};

use crate::stores::prefix;

pub struct Iam {
    pub address: SocketAddr,
    pub readiness: Readiness,
    pub channel: Channel,
    pub auth: AuthServiceClient<Channel>,
    pub user: UserServiceClient<Channel>,
    pub settings: Settings,
    _running: testkit::Running,
}

/// Returns settings with a new database and cheap hashes.
pub async fn settings() -> Settings {
    testkit::settings().with([
        ("IAM_DATABASE_URL", testkit::database(&MIGRATIONS).await.url),
        ("REDIS_URL", testkit::redis().await.url),
        ("IAM_REDIS_PREFIX", prefix()),
        ("IAM_ARGON2_MEMORY_KIB", "64".to_owned()),
        ("IAM_ARGON2_ITERATIONS", "1".to_owned()),
        // Kafka and order are unavailable: only the end of an account needs order, and the outbox keeps its event.
        ("KAFKA_BROKERS", "127.0.0.1:1".to_owned()),
        ("KAFKA_CREATE_TOPICS", "false".to_owned()),
        ("ORDER_ADDRESS", "127.0.0.1:1".to_owned()),
    ])
}

/// Starts the service and waits until it is ready.
pub async fn start(settings: &Settings) -> Iam {
    let app = app::build(Config::load(settings).unwrap()).await.unwrap();
    let readiness = app.readiness();
    let (address, running) = testkit::start(app).await;
    // Like the channel of an external client, this channel has no circuit breaker.
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let (auth, user) = (AuthServiceClient::new(channel.clone()), UserServiceClient::new(channel.clone()));
    Iam { address, readiness, channel, auth, user, settings: settings.clone(), _running: running }
}

pub async fn iam() -> Iam {
    start(&settings().await).await
}

/// Returns unique data of a new user.
pub fn info() -> UserInfo {
    let login = format!("user-{}", ids::random());
    UserInfo { email: format!("{login}@example.com"), login, notification_methods: Vec::new() }
}

pub fn contact(provider: &str, target: &str) -> NotificationMethod {
    let (provider_name, target) = (provider.to_owned(), target.to_owned());
    NotificationMethod { provider_name, target, ..NotificationMethod::default() }
}

fn with<T>(session: Option<&str>, message: T) -> Request<T> {
    match session {
        Some(session) => testkit::with_session(session, message),
        None => Request::new(message),
    }
}

impl Iam {
    pub async fn register(&self, info: &UserInfo, password: &str) -> Result<String, Status> {
        let info = UserRegistrationInfo { info: Some(info.clone()), password: password.to_owned() };
        let response = self.user.clone().register(RegisterRequest { info: Some(info) }).await?;
        Ok(response.into_inner().user_uuid)
    }

    pub async fn login(&self, login: &str, password: &str) -> Result<String, Status> {
        let request = LoginRequest { login: login.to_owned(), password: password.to_owned() };
        Ok(self.auth.clone().login(request).await?.into_inner().session_uuid)
    }

    pub async fn whoami(&self, session: &str) -> Result<WhoamiResponse, Status> {
        let request = WhoamiRequest { session_uuid: session.to_owned(), ..WhoamiRequest::default() };
        Ok(self.auth.clone().whoami(request).await?.into_inner())
    }

    /// Issues an access token of the session.
    pub async fn token(&self, session: &str) -> String {
        let request = IssueTokenRequest { session_uuid: session.to_owned() };
        self.auth.clone().issue_token(request).await.unwrap().into_inner().access_token
    }

    /// Calls `Whoami` with an access token.
    pub async fn whoami_by(&self, token: &str) -> Result<WhoamiResponse, Status> {
        let request = WhoamiRequest { access_token: token.to_owned(), ..WhoamiRequest::default() };
        Ok(self.auth.clone().whoami(request).await?.into_inner())
    }

    pub async fn logout(&self, session: &str) -> Result<(), Status> {
        self.auth.clone().logout(LogoutRequest { session_uuid: session.to_owned() }).await.map(drop)
    }

    pub async fn logout_all(&self, session: &str) -> Result<(), Status> {
        self.auth.clone().logout_all(LogoutAllRequest { session_uuid: session.to_owned() }).await.map(drop)
    }

    /// Calls `GetUser`, with this session in the metadata if there is one.
    pub async fn get_user(&self, session: Option<&str>, user: &str) -> Result<User, Status> {
        let request = with(session, GetUserRequest { user_uuid: user.to_owned() });
        Ok(self.user.clone().get_user(request).await?.into_inner().user.unwrap())
    }

    /// Calls `DeleteAccount`, with this session in the metadata if there is one.
    pub async fn delete_account(&self, session: Option<&str>, password: &str) -> Result<(), Status> {
        let request = with(session, DeleteAccountRequest { password: password.to_owned() });
        self.user.clone().delete_account(request).await.map(drop)
    }

    pub async fn change_password(&self, session: &str, old: &str, new: &str) -> Result<(), Status> {
        let request = ChangePasswordRequest {
            session_uuid: session.to_owned(),
            old_password: old.to_owned(),
            new_password: new.to_owned(),
        };
        self.user.clone().change_password(request).await.map(drop)
    }

    /// Registers a user and logs in. Returns the user's data, id and session.
    pub async fn registered_user(&self) -> (UserInfo, String, String) {
        let info = info();
        let user = self.register(&info, PASSWORD).await.unwrap();
        let session = self.login(&info.login, PASSWORD).await.unwrap();
        (info, user, session)
    }
}
