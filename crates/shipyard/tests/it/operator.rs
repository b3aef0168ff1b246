//! `shipyard operator`: grants and revokes the role `operator`.

use std::process::Output;

use contracts::{
    identity::OPERATOR,
    proto::auth::v1::{LoginRequest, WhoamiRequest, auth_service_client::AuthServiceClient},
};
use operations::repository::resolved_letters::{Action, ResolvedLetter, ResolvedLetters};
use platform::clock;
use testkit::eventually;
use uuid::Uuid;

use crate::{
    customer::PASSWORD,
    system::{OPERATORS, System},
};

/// Runs the command with the password in a file. Returns whether it succeeded, and its output.
async fn create(system: &System, login: &str, password: &str) -> (bool, String) {
    let file = system.directory.path().join(format!("password-{login}"));
    std::fs::write(&file, format!("{password}\n")).expect("the directory can be written");
    let output = system.shipyard(&["operator", "add", login, "--password-file", &file.display().to_string()]).await;
    said(output)
}

fn said(output: Output) -> (bool, String) {
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

/// Records that the operator `ann` discarded the dead letter of this event of an order.
pub async fn discard(system: &System, order: Uuid, group: &str, event: Uuid) {
    let letter = ResolvedLetter {
        letter: format!("{group}.dlq/0/0"),
        given_up_at: clock::now(),
        action: Action::Discarded,
        decided_by: "ann".to_owned(),
        at: clock::now(),
        why: "done by hand".to_owned(),
        consumer: group.to_owned(),
        event_uuid: Some(event),
        order_uuid: Some(order),
        partition: None,
        record_offset: None,
        cluster: String::new(),
        published_at: None,
    };
    let database = operations::SERVICE.pool("shipyard-test", 1, &system.settings());
    let letters = ResolvedLetters::new(database.expect("the system has this database"));
    letters.add(&[letter]).await.expect("it is recorded");
}

/// Logs in, and returns the user's roles.
async fn roles(system: &System, login: &str, password: &str) -> Result<Vec<String>, tonic::Status> {
    let mut iam = AuthServiceClient::new(system.peer(&iam::SERVICE));
    let request = LoginRequest { login: login.to_owned(), password: password.to_owned() };
    let session_uuid = iam.login(request).await?.into_inner().session_uuid;
    let response = iam.whoami(WhoamiRequest { session_uuid, ..WhoamiRequest::default() }).await?.into_inner();
    Ok(response.user.expect("a session has a user").roles)
}

/// Returns the id of the user in the command's output, if this security event names the user and the author alone.
fn event<'a>(said: &'a str, login: &str, event: &str) -> &'a str {
    let user = said.lines().next().and_then(|line| line.rsplit(' ').next()).expect("it ends with the user's id");
    let events: Vec<&str> = said.lines().filter(|line| line.contains(event)).collect();
    assert!(
        matches!(events[..], [one] if one.contains(user) && one.contains("cli:") && !one.contains(login)),
        "{said}"
    );
    user
}

#[tokio::test]
async fn an_operator_is_created_and_loses_the_role_and_gets_it_back_by_the_command() {
    let system = System::shared().await;
    let [login, ..] = OPERATORS;

    let (created, output) = create(system, login, PASSWORD).await;
    assert!(created && output.starts_with(&format!("{login} is an operator: user ")), "{output}");
    let user = event(&output, login, "role_granted");
    assert_eq!(roles(system, login, PASSWORD).await.unwrap(), [OPERATOR]);

    let (again, complaint) = create(system, login, "AnotherPassword123!").await;
    assert!(!again && complaint.contains("is registered already, nothing was changed"), "{complaint}");
    assert!(roles(system, login, "AnotherPassword123!").await.is_err());

    let (listed, output) = said(system.shipyard(&["operator", "list"]).await);
    assert!(listed && output.lines().any(|line| line.contains(user) && line.contains(login)), "{output}");
    let (removed, output) = said(system.shipyard(&["operator", "remove", login]).await);
    assert!(removed, "{output}");
    assert_eq!(event(&output, login, "role_taken"), user);
    assert_eq!(roles(system, login, PASSWORD).await.unwrap(), Vec::<String>::new());
    let (_, output) = said(system.shipyard(&["operator", "list"]).await);
    assert!(!output.contains(user), "{output}");

    let (adopted, output) = said(system.shipyard(&["operator", "add", login, "--adopt", user]).await);
    assert!(adopted, "{output}");
    assert_eq!(event(&output, login, "role_granted"), user);
    assert_eq!(roles(system, login, PASSWORD).await.unwrap(), [OPERATOR]);
}
