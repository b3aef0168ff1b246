//! Constructs iam over stores in memory, with one user and cheap password hashes.

use std::sync::{Arc, OnceLock};

use contracts::proto::{
    auth::v1::{LoginRequest, LoginResponse},
    common::v1::UserInfo,
    user::v1::{RegisterRequest, RegisterResponse, UserRegistrationInfo},
};
use iam::{
    config::{Hashing as Cost, Limits, SessionBounds},
    hashing::Hashing,
    model::TrustedProxies,
    repository::CodeLimit,
    service::{AccountService, ContactService, IamService, SessionRules},
    tokens::{AccessTokens, SigningKey},
};
use platform::outbox::Waker;
use uuid::Uuid;

use super::{DAY, SLOTS, builder::Builder, stores};
use crate::grpc::{call, decode};

/// Adds iam with one user. Returns a session of the user.
pub async fn users(builder: &mut Builder) -> String {
    let limits = Limits {
        iam_lockout_failures: 0,
        iam_lockout_window: DAY,
        iam_lockout_total: 0,
        iam_account_logins: 0,
        iam_address_failures: 0,
        iam_address_registrations: 0,
        iam_address_window: DAY,
        iam_address_new_accounts: 0,
        iam_new_accounts_window: DAY,
    };
    let bounds = SessionBounds { iam_sessions_per_user: 100, iam_session_idle: None };
    let users = Arc::new(stores::Users::default());
    let sessions = Arc::new(iam::repository::MemorySessions::new(bounds));
    let codes = Arc::new(iam::repository::MemoryContactCodes::new(CodeLimit { wrong: u32::MAX, window: DAY }));
    let contacts = ContactService::new(users.clone(), sessions.clone(), codes.clone());
    let service = IamService::new(
        users,
        sessions,
        Arc::new(iam::repository::MemoryLoginAttempts::new(limits)),
        hashing(),
        SessionRules { ttl: DAY, per_user: 100 },
        tokens(),
    );
    let proxies = TrustedProxies::parse("0.0.0.0/0").expect("a network");
    let settings = iam::api::Settings { proxies, hops: 0, password_min: 8 };
    let orders = Arc::new(stores::NoOpenOrders);
    let accounts = AccountService::new(service.clone(), codes, orders, Waker::default());
    builder.serve("iam", iam::api::RULES, iam::api::services(service, contacts, accounts, settings));
    let (login, password) = ("ann".to_owned(), "SecurePassword123!".to_owned());
    let info = UserInfo { login: login.clone(), email: "ann@example.com".to_owned(), notification_methods: Vec::new() };
    let info = UserRegistrationInfo { info: Some(info), password: password.clone() };
    let iam = builder.grpc.last().expect("iam was added");
    let registered = call(iam, "/user.v1.UserService/Register", &RegisterRequest { info: Some(info) }).await;
    let user = decode::<RegisterResponse>(&registered).user_uuid;
    let opened = call(iam, "/auth.v1.AuthService/Login", &LoginRequest { login, password }).await;
    let session = decode::<LoginResponse>(&opened).session_uuid;
    builder.uuids.extend([&user, &session].map(|text| text.parse::<Uuid>().expect("iam's ids are uuids")));
    session
}

/// Returns access tokens signed with a key of this process.
fn tokens() -> AccessTokens {
    AccessTokens::new(SigningKey::generate().expect("the system has randomness"), None, DAY)
}

/// Returns the queues of hashes, which the process shares.
fn hashing() -> Hashing {
    static HASHING: OnceLock<Hashing> = OnceLock::new();
    let cost = Cost {
        iam_argon2_memory_kib: 8,
        iam_argon2_iterations: 1,
        iam_hashing_threads: 1,
        iam_hashing_queue: SLOTS,
        iam_registration_queue: SLOTS,
    };
    HASHING.get_or_init(|| Hashing::new(&cost).expect("the least that argon2 takes")).clone()
}
