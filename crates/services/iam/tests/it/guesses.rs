//! Tests of attacks on logins and registrations: guessing, account enumeration, password spraying and starvation.

use std::time::{Duration, Instant};

use contracts::proto::{
    auth::v1::{LoginRequest, UnlockLoginRequest, session_service_client::SessionServiceClient},
    user::v1::{RegisterRequest, UserRegistrationInfo},
};
use platform::auth::ServiceKey;
use tonic::{Code, Request, Status};

use crate::{
    fixture::{Iam, PASSWORD, info, settings, start},
    operators,
};

const WRONG: &str = "a wrong password";

/// Starts a service whose first delay lasts longer than any test and which trusts the client as a proxy.
async fn behind_proxy(own: &[(&'static str, &str)]) -> Iam {
    let common = [("IAM_TRUSTED_PROXIES", "127.0.0.1"), ("IAM_LOCKOUT_WINDOW", "10h"), ("IAM_ADDRESS_WINDOW", "10h")];
    let own = own.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let all = common.into_iter().map(|(name, value)| (name, value.to_owned())).chain(own);
    start(&all.fold(settings().await, |settings, one| settings.with([one]))).await
}

fn from<T>(address: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-forwarded-for", address.parse().unwrap());
    request
}

async fn login_from(iam: &Iam, address: &str, login: &str, password: &str) -> Result<String, Status> {
    let request = LoginRequest { login: login.to_owned(), password: password.to_owned() };
    Ok(iam.auth.clone().login(from(address, request)).await?.into_inner().session_uuid)
}

async fn register_from(iam: &Iam, address: &str) -> Result<(), Status> {
    let info = UserRegistrationInfo { info: Some(info()), password: PASSWORD.to_owned() };
    iam.user.clone().register(from(address, RegisterRequest { info: Some(info) })).await.map(drop)
}

#[tokio::test]
async fn right_and_wrong_passwords_on_a_locked_account_count_the_same() {
    let iam = behind_proxy(&[("IAM_LOCKOUT_FAILURES", "2"), ("IAM_ADDRESS_FAILURES", "5")]).await;
    let (info, _, _) = iam.registered_user().await;
    for _ in 0..2 {
        login_from(&iam, "192.0.2.1", &info.login, WRONG).await.unwrap_err();
    }

    let mut responses = Vec::new();
    for (address, password) in [("192.0.2.2", PASSWORD), ("192.0.2.3", WRONG)] {
        let mut codes = Vec::new();
        for _ in 0..10 {
            codes.push(login_from(&iam, address, &info.login, password).await.unwrap_err().code());
        }
        responses.push(codes);
    }

    assert_eq!(responses[0], responses[1]);
    assert_eq!(responses[0].iter().filter(|code| **code == Code::Unauthenticated).count(), 5);
}

/// One wrong password per window keeps an account locked. After `IAM_LOCKOUT_TOTAL` of them, it is locked for all but
/// its known devices.
#[tokio::test]
async fn a_login_that_is_kept_locked_is_open_to_a_known_device_and_after_an_operator_has_unlocked_it() {
    let login = format!("operator-{}", platform::ids::random());
    let own = [
        ("IAM_TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ("IAM_LOCKOUT_FAILURES", "3".to_owned()),
        ("IAM_LOCKOUT_WINDOW", "10h".to_owned()),
        ("IAM_LOCKOUT_TOTAL", "4".to_owned()),
    ];
    let (iam, _) = operators::with_operator(&login, own).await;
    let operator = login_from(&iam, "192.0.2.9", &login, PASSWORD).await.unwrap();
    let known = info();
    iam.register(&known, PASSWORD).await.unwrap();
    login_from(&iam, "192.0.2.1", &known.login, PASSWORD).await.unwrap();
    for target in [&known.login, &login] {
        for number in 0..6 {
            login_from(&iam, &format!("198.51.100.{number}"), target, WRONG).await.unwrap_err();
        }
    }

    let elsewhere = login_from(&iam, "192.0.2.2", &known.login, PASSWORD).await.unwrap_err();
    assert_eq!(elsewhere.code(), Code::Unauthenticated, "a device that is not known");
    login_from(&iam, "192.0.2.9", &login, PASSWORD).await.expect("the operator's known device");
    unlock(&iam, &operator, &known.login).await.unwrap();
    login_from(&iam, "192.0.2.2", &known.login, PASSWORD).await.expect("after the operator");

    for number in 0..6 {
        login_from(&iam, &format!("198.51.100.{number}"), &known.login, WRONG).await.unwrap_err();
    }
    let session = login_from(&iam, "192.0.2.1", &known.login, PASSWORD).await.expect("a known device");
    login_from(&iam, "192.0.2.3", &known.login, PASSWORD).await.expect("after the known device");
    let refused = unlock(&iam, &session, &login).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

async fn unlock(iam: &Iam, session: &str, login: &str) -> Result<(), Status> {
    let request = testkit::with_session(session, UnlockLoginRequest { login: login.to_owned() });
    SessionServiceClient::new(iam.channel.clone()).unlock_login(request).await.map(drop)
}

#[tokio::test]
async fn a_browser_behind_the_console_is_counted_by_its_own_address_and_cannot_choose_it() {
    let iam = behind_proxy(&[("IAM_TRUSTED_PROXIES", "192.0.2.9"), ("IAM_ADDRESS_FAILURES", "3")]).await;
    let guess = async |service, forwarded: &str, number: usize| {
        let login = format!("user-{number}");
        let mut request = from(forwarded, LoginRequest { login, password: WRONG.to_owned() });
        let key = ServiceKey::new(service, &testkit::SERVICE_KEY.into()).unwrap();
        let token = format!("Bearer {}", key.token("iam").unwrap());
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        iam.auth.clone().login(request).await.unwrap_err().code()
    };
    let through_the_gateway = |browser: &str, number| format!("203.0.113.{number}, {browser}, 192.0.2.9");

    let mut codes = Vec::new();
    for number in 0..4 {
        codes.push(guess("console", &through_the_gateway("198.51.100.1", number), number % 3).await);
    }
    assert_eq!(codes.pop(), Some(Code::ResourceExhausted), "regardless of the headers that the browser sends");
    assert!(codes.iter().all(|code| *code == Code::Unauthenticated), "{codes:?}");
    let other = guess("console", &through_the_gateway("198.51.100.2", 1), 3).await;
    assert_eq!(other, Code::Unauthenticated, "another browser");

    // The header is not read if another service calls: all its calls count for one address.
    let mut codes = Vec::new();
    for number in 0..4 {
        codes.push(guess("order", &format!("203.0.113.{number}"), 4 + number % 3).await);
    }
    assert_eq!(codes.pop(), Some(Code::ResourceExhausted));
}

#[tokio::test]
async fn registrations_from_one_address_are_limited() {
    let iam = behind_proxy(&[("IAM_ADDRESS_REGISTRATIONS", "3")]).await;

    for _ in 0..3 {
        register_from(&iam, "192.0.2.1").await.unwrap();
    }
    let refused = register_from(&iam, "192.0.2.1").await.unwrap_err();

    assert_eq!(
        (refused.code(), refused.message()),
        (Code::ResourceExhausted, "too many registrations from this address")
    );
    assert!(register_from(&iam, "192.0.2.2").await.is_ok());
}

#[tokio::test]
async fn a_taken_login_is_refused_before_anything_is_hashed() {
    // One registration takes seconds, and the queue has no room for another.
    let slow = [
        ("IAM_HASHING_QUEUE", "1"),
        ("IAM_HASHING_THREADS", "1"),
        ("IAM_ARGON2_MEMORY_KIB", "8192"),
        ("IAM_ARGON2_ITERATIONS", "300"),
    ];
    let settings = settings().await;
    let (cheap, taken) = (start(&settings).await, info());
    cheap.register(&taken, PASSWORD).await.unwrap();
    let slow = slow.into_iter().fold(settings, |settings, (name, value)| settings.with([(name, value.to_owned())]));
    let iam = start(&slow).await;
    let mut both = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let mut user = iam.user.clone();
        both.spawn(async move {
            let info = UserRegistrationInfo { info: Some(info()), password: PASSWORD.to_owned() };
            user.register(RegisterRequest { info: Some(info) }).await.map(drop)
        });
    }
    // The other registration is being hashed, so this one is refused.
    assert_eq!(both.join_next().await.unwrap().unwrap().unwrap_err().code(), Code::ResourceExhausted);

    assert_eq!(iam.register(&taken, PASSWORD).await.unwrap_err().code(), Code::AlreadyExists);
    both.shutdown().await;
}

/// Measures unknown logins, wrong passwords and locked accounts in turn, so that other load affects all of them
/// equally.
#[tokio::test]
async fn the_time_of_a_login_does_not_tell_unknown_wrong_and_locked_apart() {
    let costs = [
        ("IAM_LOCKOUT_FAILURES", "2"),
        ("IAM_ADDRESS_FAILURES", "0"),
        ("IAM_ACCOUNT_LOGINS", "0"),
        ("IAM_ARGON2_MEMORY_KIB", "4096"),
        ("IAM_ARGON2_ITERATIONS", "2"),
    ];
    let iam = behind_proxy(&costs).await;
    let (known, _, _) = iam.registered_user().await;
    let (locked, _, _) = iam.registered_user().await;
    for _ in 0..2 {
        iam.login(&locked.login, WRONG).await.unwrap_err();
    }

    let mut times: [Vec<Duration>; 3] = Default::default();
    for number in 0..120 {
        let unknown = format!("nobody-{number}");
        for (login, times) in [&unknown, &known.login, &locked.login].into_iter().zip(&mut times) {
            let begin = Instant::now();
            iam.login(login, WRONG).await.unwrap_err();
            times.push(begin.elapsed());
        }
        // The successful login resets the count, so that this account is not locked.
        iam.login(&known.login, PASSWORD).await.unwrap();
    }

    let medians = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!("medians of unknown, wrong and locked: {medians:?}");
    let (shortest, longest) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(*longest < *shortest * 3 / 2, "{medians:?}");
}
