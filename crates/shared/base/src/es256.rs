//! Keys that sign JSON Web Signatures: ECDSA on the curve P-256 with SHA-256, which JOSE calls ES256.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::{
    digest::{SHA256, digest},
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::ConfigError;

const NO_KEY: &str = "is not a private key on the curve P-256 in PEM (PKCS#8)";

/// The length of a coordinate of P-256 in bytes.
const COORDINATE_LENGTH: usize = 32;

pub struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    public: PublicKey,
}

/// A public key, as a JSON Web Key shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The coordinates in base64url.
    pub x: String,
    pub y: String,
    /// The thumbprint of the key (RFC 7638).
    pub kid: String,
    /// The uncompressed point: the byte 4 and the coordinates (SEC 1, section 2.3.3).
    point: Vec<u8>,
}

impl SigningKey {
    /// Reads a private key in PEM. Errors name `variable`.
    pub fn parse(variable: &str, pem: &SecretString) -> Result<Self, ConfigError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| ConfigError::new(variable, NO_KEY))?;
        Self::read(variable, &key)
    }

    /// Reads private keys in PEM, one after another, at least one. Errors name `variable`.
    pub fn parse_all(variable: &str, pem: &SecretString) -> Result<Vec<Self>, ConfigError> {
        let sections = PrivatePkcs8KeyDer::pem_slice_iter(pem.expose_secret().as_bytes());
        let keys = sections.map(|key| Self::read(variable, &key.map_err(|_| ConfigError::new(variable, NO_KEY))?));
        let keys: Vec<Self> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(ConfigError::new(variable, NO_KEY)) } else { Ok(keys) }
    }

    fn read(variable: &str, key: &PrivatePkcs8KeyDer<'_>) -> Result<Self, ConfigError> {
        Self::new(key.secret_pkcs8_der()).map_err(|error| ConfigError::new(variable, format!("{NO_KEY}: {error}")))
    }

    pub fn generate() -> Result<Self, Unspecified> {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        Self::new(key.as_ref()).map_err(|_| Unspecified)
    }

    fn new(pkcs8: &[u8]) -> Result<Self, KeyRejected> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random)?;
        let public = PublicKey::new(pair.public_key().as_ref());
        Ok(Self { pair, random, public })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message. The signature has the form of JOSE: the numbers r and s, 32 bytes each (RFC 7518, section 3.4).
    pub fn sign(&self, message: &[u8]) -> Result<impl AsRef<[u8]> + use<>, Unspecified> {
        self.pair.sign(&self.random, message)
    }
}

/// A key that this repository publishes, which signs in development if no key is configured.
pub struct PublishedKey {
    key: SigningKey,
    is_production: bool,
}

impl PublishedKey {
    pub fn parse(variable: &str, pem: &str, is_production: bool) -> Result<Self, ConfigError> {
        Ok(Self { key: SigningKey::parse(variable, &pem.into())?, is_production })
    }

    /// Returns a configured key. Fails in production if it is the published one; the error names `variable`.
    pub fn admit(&self, variable: &str, key: SigningKey) -> Result<SigningKey, ConfigError> {
        if self.is_production && key.public() == self.key.public() {
            return Err(ConfigError::new(variable, "is the published key, which only development accepts"));
        }
        Ok(key)
    }

    /// Returns the published key, since `variable` is not set. Fails in production.
    pub fn or_refuse(self, variable: &str) -> Result<SigningKey, ConfigError> {
        if self.is_production {
            let problem = "is not set, and only development has a default; \
                generate a key with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
            return Err(ConfigError::new(variable, problem));
        }
        Ok(self.key)
    }
}

impl PublicKey {
    /// Returns the key with these coordinates in base64url; `None` if they do not have 32 bytes each.
    pub fn from_coordinates(x: &str, y: &str) -> Option<Self> {
        let coordinate = |text: &str| BASE64URL.decode(text).ok().filter(|bytes| bytes.len() == COORDINATE_LENGTH);
        // The byte 4 begins an uncompressed point.
        Some(Self::new(&[vec![4], coordinate(x)?, coordinate(y)?].concat()))
    }

    fn new(point: &[u8]) -> Self {
        let coordinates = point.get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at_checked(COORDINATE_LENGTH).unwrap_or_default();
        let (x, y) = (BASE64URL.encode(x), BASE64URL.encode(y));
        // The members that the thumbprint needs, in its order and without spaces.
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = BASE64URL.encode(digest(&SHA256, members.as_bytes()));
        Self { x, y, kid, point: point.to_vec() }
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Unspecified> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point).verify(message, signature)
    }
}
