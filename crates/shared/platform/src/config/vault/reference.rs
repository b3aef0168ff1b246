//! References to Vault in the values of variables.

use crate::config::error::ConfigError;

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
mod tests {
    use super::*;

    #[test]
    fn a_wrong_reference_names_the_variable_and_the_form() {
        for value in [
            "vault:",
            "vault:secret",
            "vault:secret/shop",
            "vault:secret/shop#",
            "vault:/shop#key",
            "vault:secret/#key",
            "vault:secret/../sys#key",
            "vault:secret//shop#key",
            "vault:secret/shop #key",
        ] {
            let error = Reference::parse("SERVICE_KEY", value).unwrap_err();

            assert_eq!(error.variable, "SERVICE_KEY");
            assert!(error.problem.starts_with("is not vault:<mount>/<path>#<field>"), "{value}: {error}");
        }
    }
}
