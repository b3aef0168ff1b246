//! The two requests to Vault's HTTP API: logging in, and reading a secret.

use std::{collections::HashMap, path::Path, time::Duration};

use base::config::{ConfigError, provider_url};
use edge::http::{BodyError, read_body};
use reqwest::{Certificate, Method, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Reference;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a response in bytes. Vault's own limit for a secret is 1 MiB; a service's secrets are keys
/// and URLs.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The file into which Kubernetes puts a pod's token.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

pub enum Login {
    Token(SecretString),
    /// The token of the pod's service account, for this role at this mount of the method `kubernetes`.
    Kubernetes {
        mount: String,
        role: String,
        token: SecretString,
    },
}

impl Login {
    /// Reads the variables. `needed_by` is a variable that refers to Vault.
    pub fn from(values: &HashMap<String, String>, needed_by: &str) -> Result<Self, ConfigError> {
        if let Some(token) = value(values, "VAULT_TOKEN") {
            return Ok(Self::Token(token.to_owned().into()));
        }
        let Some(role) = value(values, "VAULT_KUBERNETES_ROLE") else {
            let problem = format!("is not set, nor is VAULT_KUBERNETES_ROLE, and {needed_by} refers to Vault");
            return Err(ConfigError::new("VAULT_TOKEN", problem));
        };
        let file = value(values, "VAULT_KUBERNETES_TOKEN_FILE").unwrap_or(SERVICE_ACCOUNT);
        // Read at each use, since Kubernetes replaces the token while the process runs.
        let token = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::new("VAULT_KUBERNETES_TOKEN_FILE", format!("{file}: {error}")))?;
        let mount = value(values, "VAULT_KUBERNETES_MOUNT").unwrap_or("kubernetes").to_owned();
        Ok(Self::Kubernetes { mount, role: role.to_owned(), token: token.trim_end().to_owned().into() })
    }
}

pub struct Client {
    http: reqwest::Client,
    address: Url,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct LoggedIn {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: SecretString,
}

#[derive(Deserialize)]
struct Found {
    data: Version,
}

#[derive(Deserialize)]
struct Version {
    /// `None` if this version was deleted.
    data: Option<Map<String, Value>>,
}

impl Client {
    /// Reads the variables. `needed_by` is a variable that refers to Vault.
    pub fn new(values: &HashMap<String, String>, needed_by: &str) -> Result<Self, ConfigError> {
        const ADDRESS: &str = "VAULT_ADDR";
        let missing = || ConfigError::new(ADDRESS, format!("is not set, and {needed_by} refers to Vault"));
        let address = value(values, "VAULT_ADDR").ok_or_else(missing)?;
        let address = provider_url::read(ADDRESS, address, "https://vault.example:8200")?;
        if provider_url::is_in_clear(&address) {
            let problem = "is http, which would send the token and secrets in clear; use https (http is for a server on this machine)";
            return Err(ConfigError::new(ADDRESS, problem));
        }
        let failed = |error: &dyn std::fmt::Display| ConfigError::new(ADDRESS, error);
        // A redirect would send the token to another server, and a proxy of the environment is meant for other
        // requests.
        let mut http =
            edge::http::client_builder().timeout(REQUEST_TIMEOUT).redirect(redirect::Policy::none()).no_proxy();
        if let Some(file) = value(values, "VAULT_CACERT") {
            let authorities =
                authorities(Path::new(file)).map_err(|problem| ConfigError::new("VAULT_CACERT", problem))?;
            http = http.tls_certs_only(authorities);
        }
        let http = http.build().map_err(|error| failed(&error))?;
        Ok(Self { http, address, namespace: value(values, "VAULT_NAMESPACE").map(str::to_owned) })
    }

    pub async fn log_in(&self, login: Login) -> Result<SecretString, String> {
        let (mount, role, jwt) = match login {
            Login::Token(token) => return Ok(token),
            Login::Kubernetes { mount, role, token } => (mount, role, token),
        };
        let url = self.url(["auth"].into_iter().chain(mount.split('/')).chain(["login"]));
        let request = self.http.request(Method::POST, url).json(&json!({ "role": role, "jwt": jwt.expose_secret() }));
        let response: LoggedIn =
            self.send(request).await.map_err(|problem| format!("logging in at Vault: {problem}"))?;
        Ok(response.auth.client_token)
    }

    pub async fn fields(&self, token: &SecretString, secret: &Reference) -> Result<Map<String, Value>, String> {
        let url = self.url([secret.mount(), "data"].into_iter().chain(secret.path().split('/')));
        let request = self.http.get(url).header("X-Vault-Token", token.expose_secret());
        let found: Found = self.send(request).await?;
        found.data.data.ok_or_else(|| "the secret was deleted".to_owned())
    }

    fn url<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.address.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    async fn send<T: for<'a> Deserialize<'a>>(&self, request: reqwest::RequestBuilder) -> Result<T, String> {
        let request = request.header("X-Vault-Request", "true");
        let request =
            self.namespace.iter().fold(request, |request, namespace| request.header("X-Vault-Namespace", namespace));
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        match response.status() {
            StatusCode::OK => body(response).await,
            status => Err(refused(status)),
        }
    }
}

async fn body<T: for<'a> Deserialize<'a>>(response: Response) -> Result<T, String> {
    let bytes = read_body(response, MAX_RESPONSE_BYTES).await.map_err(|error| match error {
        BodyError::TooLarge(_) => format!("Vault's response has more than {} KiB", MAX_RESPONSE_BYTES / 1024),
        BodyError::Lost(error) => unanswered(&error),
    })?;
    // serde_json's error could quote a value.
    serde_json::from_slice(&bytes).map_err(|_| "Vault's response is not that of a KV store of version 2".to_owned())
}

fn unanswered(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "Vault does not answer in time".to_owned();
    }
    // The innermost cause has the reason; the outer ones have the address, too.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("Vault cannot be reached: {cause}")
}

fn refused(status: StatusCode) -> String {
    let meaning = match status.as_u16() {
        400 => "the request is refused, as for an unknown role or a login that is not accepted",
        403 => "the token is invalid, has ended, or may not read this",
        404 => "there is no such secret, or no KV store of version 2",
        429 => "there are too many requests",
        472 | 473 => "this server is a standby",
        501 => "Vault is not initialized",
        503 => "Vault is sealed or in maintenance",
        300..=399 => "the server redirects, which is not followed; set VAULT_ADDR to the address it names",
        _ => "the status is unexpected",
    };
    format!("{meaning} ({})", status.as_u16())
}

fn authorities(file: &Path) -> Result<Vec<Certificate>, String> {
    let wrong = |problem: &dyn std::fmt::Display| format!("{}: {problem}", file.display());
    let pem = std::fs::read(file).map_err(|error| wrong(&error))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|_| wrong(&"is not PEM"))?;
    if found.is_empty() { Err(wrong(&"has no certificate")) } else { Ok(found) }
}

fn value<'a>(values: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    values.get(&name.to_lowercase()).map(String::as_str).filter(|value| !value.is_empty())
}
