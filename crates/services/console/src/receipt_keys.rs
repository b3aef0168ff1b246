//! The keys of receipts, which sign the log of operators' actions, too: the one that signs, and the earlier ones, whose
//! signatures stay valid.

use std::{fmt, sync::Arc};

use platform::{
    config::{ConfigError, Settings, environment::is_production},
    es256::{PublicKey, PublishedKey, SigningKey},
};
use secrecy::SecretString;
use serde::Deserialize;

/// The published key, which signs in development if no key is configured.
const PUBLISHED: &str = include_str!("../data/receipt_key.development.pem");
/// The variable with the key that signs.
pub const KEY: &str = "RECEIPT_KEY";
const OLD: &str = "RECEIPT_KEYS_OLD";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Variables {
    /// The key that signs, in PEM (PKCS#8, P-256).
    receipt_key: Option<SecretString>,
    /// The keys that signed earlier, in PEM, one after another.
    receipt_keys_old: Option<SecretString>,
}

/// The key that signs receipts, and the keys that verify them. Clones share the keys.
#[derive(Clone)]
pub struct ReceiptKeys(Arc<Keys>);

struct Keys {
    signing: SigningKey,
    /// The keys that verify: the one that signs, and the earlier ones.
    public: Vec<PublicKey>,
}

impl ReceiptKeys {
    /// Reads the keys; errors name the variable. Fails in production if there is none or one of them is the published
    /// key.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let Variables { receipt_key, receipt_keys_old } = settings.read()?;
        let published = PublishedKey::parse(KEY, PUBLISHED, is_production(settings)?)?;
        let old = receipt_keys_old.map(|keys| SigningKey::parse_all(OLD, &keys)).transpose()?.unwrap_or_default();
        let old: Vec<SigningKey> = old.into_iter().map(|key| published.admit(OLD, key)).collect::<Result<_, _>>()?;
        let signing = match receipt_key {
            Some(key) => published.admit(KEY, SigningKey::parse(KEY, &key)?)?,
            None => published.or_refuse(KEY)?,
        };
        let public = [&signing].into_iter().chain(&old).map(|key| key.public().clone()).collect();
        Ok(Self(Arc::new(Keys { signing, public })))
    }

    pub fn signing(&self) -> &SigningKey {
        &self.0.signing
    }

    /// Returns the keys by which anyone may verify receipts.
    pub fn public(&self) -> &[PublicKey] {
        &self.0.public
    }
}

/// The debug output does not show the key that signs.
impl fmt::Debug for ReceiptKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReceiptKeys").field("public", &self.0.public).finish()
    }
}
