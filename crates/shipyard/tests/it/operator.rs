//! `shipyard operator`: creates an operator, once, and only for a login in IAM_OPERATORS.

use contracts::{
    identity::OPERATOR,
    proto::auth::v1::{LoginRequest, WhoamiRequest, auth_service_client::AuthServiceClient},
};

use testkit::eventually;

use crate::{
    customer::PASSWORD,
    system::{OPERATORS, System},
};

/// Runs the command with the password in a file. Returns whether it succeeded, and its output.
async fn create(system: &System, login: &str, password: &str) -> (bool, String) {
    let file = system.directory.path().join(format!("password-{login}"));
    std::fs::write(&file, format!("{password}\n")).expect("the directory can be written");
    let output = system.shipyard(&["operator", login, "--password-file", &file.display().to_string()]).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).expect("it writes text"))
}

/// Creates an operator in a system without one, and returns a session.
pub async fn session(system: &System) -> String {
    let [.., login] = OPERATORS;
    eventually(async || create(system, login, PASSWORD).await.0.then_some(())).await;
    let mut iam = AuthServiceClient::new(system.peer(&iam::SERVICE));
    let request = LoginRequest { login: login.to_owned(), password: PASSWORD.to_owned() };
    iam.login(request).await.expect("it logs in").into_inner().session_uuid
}

/// Logs in, and returns the user's roles.
async fn roles(system: &System, login: &str, password: &str) -> Result<Vec<String>, tonic::Status> {
    let mut iam = AuthServiceClient::new(system.peer(&iam::SERVICE));
    let request = LoginRequest { login: login.to_owned(), password: password.to_owned() };
    let session_uuid = iam.login(request).await?.into_inner().session_uuid;
    let answer = iam.whoami(WhoamiRequest { session_uuid, ..WhoamiRequest::default() }).await?.into_inner();
    Ok(answer.user.expect("a session has a user").roles)
}

#[tokio::test]
async fn an_operator_is_created_by_the_command_and_logs_in() {
    let system = System::shared().await;
    let [login, ..] = OPERATORS;

    let (created, said) = create(system, login, PASSWORD).await;
    assert!(created && said.starts_with(&format!("{login} is an operator: user ")), "{said}");
    let user = said.lines().next().and_then(|line| line.rsplit(' ').next()).expect("it ends with the user's id");
    let events: Vec<&str> = said.lines().filter(|line| line.contains("role_granted")).collect();
    assert!(matches!(events[..], [event] if event.contains(user) && !event.contains(login)), "{said}");
    assert_eq!(roles(system, login, PASSWORD).await.unwrap(), [OPERATOR]);

    let (again, complaint) = create(system, login, "AnotherPassword123!").await;
    assert!(!again && complaint.contains("is registered already, nothing was changed"), "{complaint}");
    assert_eq!(roles(system, login, PASSWORD).await.unwrap(), [OPERATOR]);
    assert!(roles(system, login, "AnotherPassword123!").await.is_err());
}

#[tokio::test]
async fn what_cannot_become_an_operator_is_said_in_one_sentence_and_changes_nothing() {
    let system = System::shared().await;
    let [_, login, _] = OPERATORS;

    for (login, password, sentence) in [
        ("mallory", PASSWORD, "IAM_OPERATORS: does not name mallory"),
        ("Operator@example.com", PASSWORD, "IAM_OPERATORS: does not name Operator@example.com"),
        (" ", PASSWORD, "login: must not be empty"),
        (login, "short", "password: must have at least"),
        (login, login, "password: must not be the login"),
    ] {
        let (created, complaint) = create(system, login, password).await;

        assert!(!created && complaint.contains(sentence), "{login}: {complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
        assert!(roles(system, login, password).await.is_err(), "{login}");
    }
    let no_file = system.shipyard(&["operator", login, "--password-file", "/nowhere/password"]).await;
    let complaint = String::from_utf8_lossy(&no_file.stderr).into_owned();
    assert!(!no_file.status.success() && complaint.contains("--password-file /nowhere/password"), "{complaint}");
}
