//! Tests of resolved and refused references, against a server whose responses the test chooses.

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, header, method, path},
};

use super::*;

const SECRET: &str = "a-secret-of-the-system";
const TOKEN: &str = "s.a-token-of-vault";

fn is_secret(name: &str) -> bool {
    name.ends_with("_key") || name == "vault_token"
}

fn variables(address: &str, more: &[(&str, &str)]) -> HashMap<String, String> {
    let own = [("vault_addr", address), ("vault_token", TOKEN), ("first_key", "vault:secret/system/keys#first")];
    own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn kv(data: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "data": { "data": data, "metadata": { "version": 3 } } }))
}

async fn responding(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(response).mount(&server).await;
    server
}

fn refusal(mut values: HashMap<String, String>) -> ConfigError {
    let error = resolve(&mut values, is_secret).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
    error
}

#[tokio::test]
async fn references_are_replaced_and_each_secret_is_read_once() {
    let server = MockServer::start().await;
    let fields = json!({ "first": SECRET, "second": "another" });
    let secret =
        Mock::given(method("GET")).and(path("/v1/secret/data/system/keys")).and(header("X-Vault-Token", TOKEN));
    secret.respond_with(kv(&fields)).expect(1).mount(&server).await;
    let more =
        [("second_key", "vault:secret/system/keys#second"), ("third_key", "plain"), ("name", "vault:is/no#secret")];
    let mut values = variables(&server.uri(), &more);

    resolve(&mut values, is_secret).unwrap();

    assert_eq!((values["first_key"].as_str(), values["second_key"].as_str()), (SECRET, "another"));
    assert_eq!((values["third_key"].as_str(), values["name"].as_str()), ("plain", "vault:is/no#secret"));
}

#[tokio::test]
async fn a_pod_logs_in_with_the_token_of_its_service_account() {
    let server = MockServer::start().await;
    let account = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&account, "a-jwt-of-kubernetes\n").unwrap();
    Mock::given(method("POST"))
        .and(path("/v1/auth/kubernetes/login"))
        .and(body_json(json!({ "role": "shipyard", "jwt": "a-jwt-of-kubernetes" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "auth": { "client_token": "s.issued" } })))
        .mount(&server)
        .await;
    let secret =
        Mock::given(method("GET")).and(header("X-Vault-Token", "s.issued")).and(header("X-Vault-Namespace", "system"));
    secret.respond_with(kv(&json!({ "first": SECRET }))).mount(&server).await;
    let file = account.path().to_str().unwrap();
    let mut values = variables(
        &server.uri(),
        &[
            ("vault_token", ""),
            ("vault_kubernetes_role", "shipyard"),
            ("vault_kubernetes_token_file", file),
            ("vault_namespace", "system"),
        ],
    );

    resolve(&mut values, is_secret).unwrap();

    assert_eq!(values["first_key"], SECRET);
}

#[tokio::test]
async fn a_response_without_the_secret_names_the_variable_and_the_reason() {
    let redirect = ResponseTemplate::new(307).insert_header("Location", "http://127.0.0.1:1/v1/secret");
    let fields = |fields: Value| kv(&fields);
    for (response, reason) in [
        (ResponseTemplate::new(403), "the token is invalid, has ended, or may not read this (403)"),
        (ResponseTemplate::new(404).set_body_json(json!({ "errors": [] })), "there is no such secret"),
        (ResponseTemplate::new(503).set_body_json(json!({ "errors": ["sealed"] })), "Vault is sealed"),
        (redirect, "the server redirects"),
        (fields(json!({ "second": SECRET })), "the secret has no field first"),
        (fields(json!({ "first": "" })), "the field first is not text, or is empty"),
        (fields(json!({ "first": { "inner": SECRET } })), "the field first is not text, or is empty"),
        (fields(json!({ "first": SECRET.repeat(10_000) })), "has more than 64 KiB"),
        (kv(&Value::Null), "the secret was deleted"),
        (ResponseTemplate::new(200).set_body_json(json!({ "data": { "first": SECRET } })), "the secret was deleted"),
        (ResponseTemplate::new(200).set_body_string(SECRET), "is not that of a KV store of version 2"),
    ] {
        let server = responding(response).await;

        let error = refusal(variables(&server.uri(), &[]));

        assert_eq!(error.variable, "FIRST_KEY");
        assert!(error.problem.starts_with("secret/system/keys: ") && error.problem.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_vault_that_is_away_or_silent_ends_the_start() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = refusal(variables(&format!("http://{closed}"), &[]));
    let silent = responding(kv(&json!({ "first": SECRET })).set_delay(Duration::from_mins(1))).await;
    let late = refusal(variables(&silent.uri(), &[]));

    assert!(away.problem.contains("Vault cannot be reached: "), "{away}");
    assert_eq!(late.to_string(), "FIRST_KEY: secret/system/keys: Vault does not answer in time");
}

#[test]
fn wrong_variables_of_vault_are_named() {
    let with = |name: &str, value: &str| refusal(variables("http://127.0.0.1:8200", &[(name, value)]));
    let authorities = tempfile::NamedTempFile::new().unwrap();

    for (name, value, variable, reason) in [
        ("first_key", "vault:secret", "FIRST_KEY", "is not vault:<mount>/<path>#<field>"),
        ("vault_addr", "", "VAULT_ADDR", "is not set, and FIRST_KEY refers to Vault"),
        ("vault_addr", "vault", "VAULT_ADDR", "is not a URL"),
        ("vault_addr", "http://vault.example:8200", "VAULT_ADDR", "in clear"),
        ("vault_token", "", "VAULT_TOKEN", "is not set, nor is VAULT_KUBERNETES_ROLE, and FIRST_KEY refers to Vault"),
        ("vault_cacert", "/nowhere", "VAULT_CACERT", "/nowhere: "),
        ("vault_cacert", authorities.path().to_str().unwrap(), "VAULT_CACERT", "has no certificate"),
    ] {
        let error = with(name, value);

        assert_eq!(error.variable, variable, "{name}={value}: {error}");
        assert!(error.problem.contains(reason), "{name}={value}: {error}");
    }
}

#[test]
fn a_wrong_reference_names_the_variable_and_the_form() {
    for value in [
        "vault:",
        "vault:secret",
        "vault:secret/system",
        "vault:secret/system#",
        "vault:/system#key",
        "vault:secret/#key",
        "vault:secret/../sys#key",
        "vault:secret//system#key",
        "vault:secret/system #key",
    ] {
        let error = Reference::parse("SERVICE_KEY", value).unwrap_err();

        assert_eq!(error.variable, "SERVICE_KEY");
        assert!(error.problem.starts_with("is not vault:<mount>/<path>#<field>"), "{value}: {error}");
    }
}
