//! `shipyard login` and `shipyard token` print a session and an access token. Both give access to the user's data over
//! HTTP and gRPC until the user's sessions end.

use contracts::proto::{
    auth::v1::{LogoutAllRequest, WhoamiRequest},
    user::v1::GetUserRequest,
};
use reqwest::Method;
use tonic::{Code, Request};

use crate::{
    commands::{given, run},
    customer::{Customer, ORDERS, PASSWORD, send},
    system::System,
};

/// Runs `login` or `token` with the password in a file. Returns whether it succeeded, its standard output and its
/// standard error.
async fn run_with(command: &str, system: &System, login: &str, password: &str) -> (bool, String, String) {
    let file = system.directory.path().join(format!("password-of-{login}"));
    std::fs::write(&file, format!("{password}\n")).expect("the directory can be written");
    let output = system.shipyard(&[command, login, "--password-file", &file.display().to_string()]).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_printed_token_works_over_http_and_grpc_until_its_session_ends() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;

    let (success, token, said) = run_with("token", system, &customer.login, PASSWORD).await;
    assert!(success && said.starts_with("it expires at ") && token.lines().count() == 1, "{token} {said}");
    let bearer = format!("Bearer {}", token.trim_end());
    let orders = || customer.request(Method::GET, ORDERS).header("authorization", &bearer);
    let get_user = async || {
        let mut request = Request::new(GetUserRequest { user_uuid: customer.user.to_string() });
        request.metadata_mut().insert("authorization", bearer.parse().expect("it is ASCII"));
        customer.users().get_user(request).await
    };

    send(orders()).await.success(200);
    assert!(get_user().await.is_ok());
    let both = send(orders().header("x-session-uuid", &customer.session)).await;
    both.problem(401, "INVALID_SESSION");

    let access_token = token.trim_end().to_owned();
    let whoami = WhoamiRequest { access_token, ..WhoamiRequest::default() };
    assert!(customer.auth().whoami(whoami).await.is_ok());
    let session_uuid = customer.session.clone();
    customer.auth().logout_all(LogoutAllRequest { session_uuid }).await.expect("the session is open");

    send(orders()).await.problem(401, "INVALID_SESSION");
    assert_eq!(get_user().await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_printed_session_opens_the_users_orders() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;

    let (success, session, said) = run_with("login", system, &customer.login, PASSWORD).await;

    assert!(success && said.is_empty() && session.lines().count() == 1, "{session} {said}");
    send(customer.request(Method::GET, ORDERS).header("x-session-uuid", session.trim_end())).await.success(200);
}

#[tokio::test]
async fn a_wrong_password_prints_one_sentence_and_no_token() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;

    for command in ["login", "token"] {
        let (success, token, said) = run_with(command, system, &customer.login, "a wrong password").await;

        assert_eq!((success, token.as_str(), said.lines().count()), (false, "", 1), "{said}");
        assert!(said.contains("wrong login or password"), "{said}");
    }
}

#[tokio::test]
async fn a_shop_that_is_away_is_said_in_one_sentence() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("password");
    std::fs::write(&file, PASSWORD).expect("the directory can be written");
    let arguments = ["token", "ann", "--password-file", file.to_str().expect("the path is text")];

    let (success, token, said) = run(&arguments, &given("IAM_ADDRESS", "127.0.0.1:1"));

    assert!(!success && token.is_empty() && said.contains("is a shop running?"), "{said}");
}
