//! Secrets from Vault: the value `vault:<mount>/<path>#<field>` of a variable is replaced by a field of a secret in a
//! KV store, version 2.
//!
//! The secrets are read once, at the start. An error names the variable and never contains a secret or text that a
//! server sent.

mod client;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use base::config::ConfigError;

use self::client::{Client, Login};

/// The time limit for reading all secrets of a process. With it, a process that cannot read them exits within 10 s of
/// its start.
const READ_TIMEOUT: Duration = Duration::from_secs(8);

/// Replaces each secret variable's value that refers to Vault with the field to which it refers.
pub fn resolve(values: &mut HashMap<String, String>, is_secret: fn(&str) -> bool) -> Result<(), ConfigError> {
    // Sorted by variable, so that the same mistake always gives the same error.
    let references: BTreeMap<String, Reference> = values
        .iter()
        .filter(|(name, value)| is_secret(name) && Reference::is_one(value))
        .map(|(name, value)| Ok((name.clone(), Reference::parse(&name.to_uppercase(), value)?)))
        .collect::<Result<_, ConfigError>>()?;
    let Some(first) = references.keys().next().map(|name| name.to_uppercase()) else { return Ok(()) };
    let client = Client::new(values, &first)?;
    let login = Login::from(values, &first)?;
    let work = async {
        let read = read(&client, login, &first, &references);
        let late = || ConfigError::new(&first, format!("Vault did not answer within {} s", READ_TIMEOUT.as_secs()));
        tokio::time::timeout(READ_TIMEOUT, read).await.unwrap_or_else(|_| Err(late()))
    };
    let secrets = on_own_runtime(&first, work)?;
    values.extend(secrets);
    Ok(())
}

async fn read(
    client: &Client,
    login: Login,
    first: &str,
    references: &BTreeMap<String, Reference>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let wrong = |name: &str, problem: String| ConfigError::new(&name.to_uppercase(), problem);
    let token = client.log_in(login).await.map_err(|problem| wrong(first, problem))?;
    let (mut fetched, mut secrets) = (HashMap::new(), Vec::new());
    for (name, reference) in references {
        let place = reference.place();
        if !fetched.contains_key(place) {
            let fields = client.fields(&token, reference).await;
            fetched.insert(place, fields.map_err(|problem| wrong(name, format!("{place}: {problem}")))?);
        }
        let value = fetched[place].get(reference.field()).map(|value| value.as_str().filter(|text| !text.is_empty()));
        let field = reference.field();
        let value = match value {
            Some(Some(text)) => text.to_owned(),
            Some(None) => return Err(wrong(name, format!("{place}: the field {field} is not text, or is empty"))),
            None => return Err(wrong(name, format!("{place}: the secret has no field {field}"))),
        };
        secrets.push((name.clone(), value));
    }
    Ok(secrets)
}

/// Runs `work` on its own runtime, since this is called both inside and outside of a runtime.
fn on_own_runtime<T: Send>(
    variable: &str,
    work: impl Future<Output = Result<T, ConfigError>> + Send,
) -> Result<T, ConfigError> {
    let failed = |error: std::io::Error| ConfigError::new(variable, format!("reading it from Vault: {error}"));
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
            runtime.block_on(work)
        });
        thread.join().unwrap_or_else(|_| Err(failed(std::io::Error::other("the thread panicked"))))
    })
}

const SCHEME: &str = "vault:";

/// A field of a secret, as `vault:<mount>/<path>#<field>` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The mount and the path, as written.
    place: String,
    /// The length of the mount in `place`.
    mount: usize,
    field: String,
}

impl Reference {
    pub fn is_one(value: &str) -> bool {
        value.starts_with(SCHEME)
    }

    /// Parses a value for which [`is_one`](Self::is_one) is true.
    pub fn parse(variable: &str, value: &str) -> Result<Self, ConfigError> {
        let wrong = || {
            ConfigError::new(variable, "is not vault:<mount>/<path>#<field>, such as vault:secret/shipyard#service_key")
        };
        let rest = value.strip_prefix(SCHEME).ok_or_else(wrong)?;
        let (place, field) = rest.split_once('#').ok_or_else(wrong)?;
        let mount = place.find('/').ok_or_else(wrong)?;
        let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
        let is_valid = place.split('/').all(is_part) && !field.is_empty() && !value.contains(char::is_whitespace);
        is_valid.then(|| Self { place: place.to_owned(), mount, field: field.to_owned() }).ok_or_else(wrong)
    }

    /// The mount and the path of the secret, which are not secret themselves.
    pub fn place(&self) -> &str {
        &self.place
    }

    pub fn mount(&self) -> &str {
        &self.place[..self.mount]
    }

    pub fn path(&self) -> &str {
        &self.place[self.mount + 1..]
    }

    pub fn field(&self) -> &str {
        &self.field
    }
}

#[cfg(test)]
mod tests;
