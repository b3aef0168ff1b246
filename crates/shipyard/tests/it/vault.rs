//! Secrets from a real server with Vault's API: OpenBao, which `scripts/openbao` installs.

use std::{net::SocketAddr, path::Path, process::Command, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    commands::run,
    program::{Program, Variables, shipyard},
};

const ROOT: &str = "root-token-of-this-test";
/// A setting of a service without stores.
const SECRET: &str = "SERVICE_KEY";
const VALUE: &str = "a-key-of-this-test-with-enough-bytes-to-sign";

struct Vault {
    address: SocketAddr,
    http: reqwest::Client,
    _program: Program,
}

impl Vault {
    async fn start(directory: &Path) -> Self {
        let address = servers::free_address().unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/bao");
        assert!(program.exists(), "install OpenBao with scripts/openbao");
        let mut command = Command::new(program);
        command.args(["server", "-dev", "-dev-no-store-token"]);
        command.arg(format!("-dev-root-token-id={ROOT}")).arg(format!("-dev-listen-address={address}"));
        command.env_clear().env("HOME", directory).current_dir(directory);
        let program = Program::start(command, &directory.join("bao.log"));
        let vault = Self { address, http: platform::http::client(Duration::from_secs(10)).unwrap(), _program: program };
        let secret = json!({ "data": { "service_key": VALUE, "empty": "" } });
        eventually(async || {
            let stored = vault.send(Method::POST, "secret/data/shop/keys", &secret).await?;
            stored.0.is_success().then_some(())
        })
        .await;
        vault
    }

    /// Returns `None` if the server does not respond.
    async fn send(&self, method: Method, path: &str, body: &Value) -> Option<(StatusCode, Value)> {
        let url = format!("http://{}/v1/{path}", self.address);
        let response = self.http.request(method, url).header("X-Vault-Token", ROOT).json(body).send().await.ok()?;
        Some((response.status(), response.json().await.unwrap_or_default()))
    }

    /// A token that may read nothing.
    async fn token_without_rights(&self) -> String {
        let created = self.send(Method::POST, "auth/token/create", &json!({ "policies": ["default"] })).await;
        created.unwrap().1["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    fn variables(&self, reference: &str, token: &str) -> Variables {
        let own = [
            (SECRET, reference.to_owned()),
            ("VAULT_ADDR", format!("http://{}", self.address)),
            ("VAULT_TOKEN", token.to_owned()),
            ("GEO_LISTEN", servers::free_address().unwrap().to_string()),
            ("GEO_ADMIN_LISTEN", servers::free_address().unwrap().to_string()),
        ];
        own.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// Runs a service that must not start. Returns the only line that it prints.
fn refused(variables: &Variables) -> String {
    let (success, _, complaint) = run(&["run", "geo"], variables);
    assert!(!success && complaint.lines().count() == 1, "{complaint}");
    assert!(!complaint.contains(VALUE) && !complaint.contains(ROOT), "{complaint}");
    assert!(complaint.starts_with(&format!("{SECRET}: ")), "{complaint}");
    complaint
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs OpenBao: scripts/openbao"]
async fn a_service_starts_with_a_secret_of_a_real_server_and_not_without_it() {
    let directory = tempfile::tempdir().unwrap();
    let vault = Vault::start(directory.path()).await;
    let variables = vault.variables("vault:secret/shop/keys#service_key", ROOT);

    let service =
        Program::start(shipyard(&["run", "geo"], &variables, directory.path()), &directory.path().join("geo.log"));
    eventually(async || run(&["run", "geo", "health"], &variables).0.then_some(())).await;
    drop(service);

    let powerless = vault.token_without_rights().await;
    for (reference, token, reason) in [
        ("vault:secret/shop/keys#other", ROOT, "the secret has no field other"),
        ("vault:secret/shop/keys#empty", ROOT, "the field empty is not text, or is empty"),
        ("vault:secret/shop/other#service_key", ROOT, "there is no such secret"),
        ("vault:secret/shop/keys#service_key", &powerless, "the token is invalid, has ended, or may not read this"),
        ("vault:secret/shop/keys#service_key", "s.unknown", "the token is invalid, has ended, or may not read this"),
    ] {
        let complaint = refused(&vault.variables(reference, token));
        assert!(complaint.contains(reason), "{reference}: {complaint}");
    }
    vault.send(Method::DELETE, "secret/data/shop/keys", &Value::Null).await.unwrap();
    let deleted = refused(&variables);
    vault.send(Method::POST, "sys/seal", &json!({})).await.unwrap();
    let sealed = refused(&variables);
    drop(vault);
    let away = refused(&variables);

    assert!(deleted.contains("there is no such secret") || deleted.contains("was deleted"), "{deleted}");
    assert!(sealed.contains("Vault is sealed"), "{sealed}");
    assert!(away.contains("Vault cannot be reached"), "{away}");
}
