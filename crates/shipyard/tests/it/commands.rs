//! The commands of the program: migrations, the doctor, couriers, tokens, one-sentence errors, exit codes and
//! closed pipes.

use std::time::Duration;

use operations::registry::{SERVICES, with_database};
use reqwest::{Method, Url};
use serde_json::json;
use sqlx::{AssertSqlSafe, migrate::Migrator};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::sleep,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use crate::{
    customer::{Customer, ORDERS, PASSWORD, send},
    program::{Program, Variables, shipyard},
    system::{System, listeners},
};

/// The tests let a command wait this long for an unavailable server. The command retries several times meanwhile.
const WAITING: Duration = Duration::from_secs(1);

pub fn run(arguments: &[&str], variables: &Variables) -> (bool, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = shipyard(arguments, variables, directory.path()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

pub fn given(name: &str, value: &str) -> Variables {
    vec![(name.to_owned(), value.to_owned())]
}

/// Counts the up migrations; each may have a down migration, too.
fn steps(migrations: &Migrator) -> usize {
    migrations.iter().filter(|migration| !migration.migration_type.is_down_migration()).count()
}

#[tokio::test]
async fn migrations_go_up_and_down_one_step_at_a_time() {
    for service in with_database() {
        let database = testkit::empty_database().await;
        let url = given(&service.variable("DATABASE_URL"), &database.url);
        let count = steps(service.migrations().expect("it has a database"));
        let states = |state: &str| run(&["migrate", "status"], &url).1.matches(state).count();

        assert_eq!(states("pending"), count, "{service}");
        assert!(run(&["migrate", "up"], &url).0);
        assert_eq!(states("applied"), count, "{service}");
        for left in (0..count).rev() {
            let (success, _, complaint) = run(&["migrate", "down", "--service", service.name], &url);
            assert!(success, "{service}: {complaint}");
            assert_eq!(states("applied"), left, "{service}");
        }
        assert!(run(&["migrate", "up", "--service", service.name], &url).0, "{service} comes up again");
    }
}

#[tokio::test]
async fn migrating_waits_for_the_server_and_for_the_right_to_connect() {
    let (database, other) = (testkit::empty_database().await, testkit::empty_database().await);
    let mut url = Url::parse(&database.url).unwrap();
    let server = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
    let name = url.path().trim_start_matches('/').to_owned();
    let accept = async |accept: bool| {
        let statement = format!(r#"alter database "{name}" allow_connections {accept}"#);
        sqlx::query(AssertSqlSafe(statement)).execute(&other.pool).await.unwrap();
    };
    accept(false).await;
    let address = servers::free_address().unwrap();
    url.set_host(Some(&address.ip().to_string())).unwrap();
    url.set_port(Some(address.port())).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let variables = given("ORDER_DATABASE_URL", url.as_str());
    let command = shipyard(&["migrate", "up", "--service", "order"], &variables, directory.path());
    let mut program = Program::start(command, &directory.path().join("log"));

    sleep(WAITING).await;
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut upstream = TcpStream::connect((server.0.as_str(), server.1)).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut upstream).await });
        }
    });
    sleep(WAITING).await;
    accept(true).await;

    let ended = program.ended().await;
    assert!(ended.success(), "{}", std::fs::read_to_string(directory.path().join("log")).unwrap());
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let cases = [
        (&["migrate", "status"][..], Variables::new(), "ORDER_DATABASE_URL"),
        (&["migrate", "down", "--service", "order"], Variables::new(), "ORDER_DATABASE_URL: is not set"),
        (&["restock"], Variables::new(), "SERVICE_KEY"),
        (&["run", "order"], Variables::new(), "is not set"),
        (&["run"], given("SHIPYARD_SERVICE", "order"), "is not set"),
        (
            &["run", "health"],
            [given("SHIPYARD_SERVICE", "order"), given("ORDER_ADMIN_LISTEN", "127.0.0.1:1")].concat(),
            "127.0.0.1:1",
        ),
        (&["operator", "add", "ann"], Variables::new(), "no shop runs from .shipyard"),
        (&["audit"], Variables::new(), "no shop runs from .shipyard"),
        (
            &["audit", "--order", "00000000-0000-0000-0000-000000000000"],
            Variables::new(),
            "no shop runs from .shipyard",
        ),
        (&["dlq", "list"], Variables::new(), "KAFKA_BROKERS"),
        (&["dlq", "list"], given("KAFKA_BROKERS", "127.0.0.1:1"), "OPERATIONS_DATABASE_URL: is not set"),
        (
            &["dlq", "list", "--topic", "x"],
            [
                given("KAFKA_BROKERS", "127.0.0.1:1"),
                given("OPERATIONS_DATABASE_URL", "postgres://operations@127.0.0.1:1/operations"),
            ]
            .concat(),
            "x is not a topic of this shop",
        ),
        (&["up"], given("ORDER_LISTEN", "nowhere"), "ORDER_LISTEN"),
        (&["up"], given("LOG_LEVEL", "loud"), "LOG_LEVEL: \"loud\" is not a log level"),
        (&["up"], given("ORDER_LSTEN", "127.0.0.1:1"), "ORDER_LSTEN: is not known; did you mean ORDER_LISTEN?"),
        (
            &["run", "order"],
            given("ORDER_LSTEN", "127.0.0.1:1"),
            "ORDER_LSTEN: is not known; did you mean ORDER_LISTEN?",
        ),
        (&["up"], given("ASSEMBLY_BUILD_MIN", "1h"), "ASSEMBLY_BUILD_MIN"),
        (&["demo", "--ready-within", "0"], given("ORDER_URL", "http://127.0.0.1:1"), "is a shop running?"),
        (&["couriers"], given("DELIVERY_URL", "http://127.0.0.1:1"), "delivery does not answer at"),
    ];

    for (arguments, variables, sentence) in cases {
        let (success, _, complaint) = run(arguments, &variables);

        assert!(!success && complaint.contains(sentence), "{arguments:?}: {complaint}");
        assert!(!complaint.contains("client error"), "{arguments:?}: {complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{arguments:?}: {complaint}");
    }
}

#[test]
fn a_port_in_use_is_named_before_anything_is_started() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut variables = given("ASSEMBLY_LISTEN", &address);
    let listeners = SERVICES.iter().flat_map(|service| listeners(service)).map(|(name, _)| name);
    for name in listeners.chain(["SHIPYARD_ADMIN_LISTEN".to_owned()]).filter(|name| name != "ASSEMBLY_LISTEN") {
        variables.extend(given(&name, "127.0.0.1:0"));
    }

    let (success, said, complaint) = run(&["up"], &variables);

    assert!(!success && said.is_empty(), "{said}");
    assert!(complaint.contains(&address) && complaint.contains("ASSEMBLY_LISTEN"), "{complaint}");
}

#[tokio::test]
async fn doctor_tells_wrong_credentials_apart_from_a_server_that_is_away() {
    let url = testkit::redis().await.url;
    let server = url.rsplit(['/', '@']).find(|part| part.contains(':')).unwrap();
    let doctor = |name: &str, value: &str| run(&["doctor"], &given(name, value)).1;

    let refused = doctor("REDIS_URL", &format!("redis://nobody:wrong@{server}"));
    let away = doctor("REDIS_URL", "redis://127.0.0.1:1");
    let mut variables = given("KAFKA_BROKERS", "127.0.0.1:1");
    variables.extend(given("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext"));
    let (_, unnamed, _) = run(&["doctor"], &variables);

    assert!(refused.contains("refuses the user or the password in REDIS_URL"), "{refused}");
    assert!(!refused.contains("wrong@"), "{refused}");
    assert!(away.contains("start that server, or correct REDIS_URL"), "{away}");
    assert!(unnamed.contains("correct KAFKA_SASL_USERNAME: is not set"), "{unnamed}");
}

#[test]
fn a_reader_that_has_left_is_no_error() {
    for arguments in [&["services"][..], &["doctor"], &["completions", "bash"]] {
        let directory = tempfile::tempdir().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);

        let ended = shipyard(arguments, &Variables::new(), directory.path()).stdout(writer).output().unwrap();

        let complaint = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && complaint.is_empty(), "{arguments:?}: {:?} {complaint}", ended.status);
    }
}

#[test]
fn an_audit_that_cannot_look_says_so_by_its_exit_code() {
    let order = ["--order", "00000000-0000-0000-0000-000000000000"];
    for arguments in [&["audit"][..], &[&["audit"], &order[..]].concat()] {
        let directory = tempfile::tempdir().unwrap();
        let ended = shipyard(arguments, &Variables::new(), directory.path()).output().unwrap();

        assert_eq!(ended.status.code(), Some(3), "{arguments:?}");
    }
}

#[tokio::test]
async fn couriers_are_listed_with_what_they_carry_and_then_the_orders_that_wait() {
    let couriers = json!([
        { "id": "00000000-0000-0000-0000-000000000001", "name": "Пеший", "location": { "x": 1, "y": 1 }, "speed": 1 },
        { "id": "00000000-0000-0000-0000-000000000002", "name": "\u{1b}[2JВело", "location": { "x": 2, "y": 2 },
          "speed": 2, "order_id": "00000000-0000-0000-0000-000000000abc", "new_member": true },
    ]);
    let orders = json!([
        { "id": "00000000-0000-0000-0000-000000000abc", "location": { "x": 5, "y": 3 } },
        { "id": "00000000-0000-0000-0000-000000000def", "location": { "x": 5, "y": 4 } },
    ]);
    let delivery = MockServer::start().await;
    for (api, response) in [("couriers", couriers), ("orders/active", orders)] {
        let mock = Mock::given(method("GET")).and(path(format!("/api/v1/{api}")));
        mock.respond_with(ResponseTemplate::new(200).set_body_json(response)).mount(&delivery).await;
    }
    let variables: Variables = vec![("DELIVERY_URL".to_owned(), delivery.uri())];
    let directory = tempfile::tempdir().unwrap();
    let mut command = shipyard(&["couriers"], &variables, directory.path());

    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();

    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "courier Пеший at (1, 1), speed 1: free
courier \\u{1b}[2JВело at (2, 2), speed 2: carries 00000000-0000-0000-0000-000000000abc
order 00000000-0000-0000-0000-000000000def to (5, 4): waits for a courier
"
    );
}

/// What it gives access to, and for how long, is tested by iam.
#[tokio::test]
async fn a_printed_token_gives_access_to_the_users_orders() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;

    let file = system.directory.path().join(format!("password-of-{}", customer.login));
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("the directory can be written");
    let output = system.shipyard(&["token", &customer.login, "--password-file", &file.display().to_string()]).await;
    assert!(output.status.success(), "{output:?}");
    let token = String::from_utf8(output.stdout).expect("it writes text");
    let bearer = format!("Bearer {}", token.trim_end());

    send(customer.request(Method::GET, ORDERS).header("authorization", bearer)).await.success(200);
}
