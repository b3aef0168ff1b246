//! A signed receipt: a receipt as a compact JWS (RFC 7515), which anyone who has the shop's public keys can verify
//! without the shop.
//!
//! Signatures of one content differ, so a receipt is identified by the digest of its content.

use anyhow::anyhow;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use chrono::{DateTime, Utc};
use platform::es256::{PublicKey, SigningKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Check,
    receipt_page::{PageDigests, digest},
};

/// The media type of a compact JWS.
pub const MEDIA_TYPE: &str = "application/jose";
const TYPE: &str = "shipyard-receipt";
const ALGORITHM: &str = "ES256";

/// The content that is signed. It has ids, amounts, states and times, and nothing that names or describes the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReceipt {
    pub order_uuid: Uuid,
    pub issued_at: DateTime<Utc>,
    /// The version of the shop.
    pub version: String,
    /// The digest of the order's previous receipt, whose checks differ.
    pub previous: Option<String>,
    pub checks: Vec<Check>,
}

/// The JOSE header. A header with any other member is refused, such as `crit` or `jwk`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
    /// The digests of the page that contains the receipt, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<PageDigests>,
}

/// A receipt whose signature is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub receipt: SignedReceipt,
    /// The digest of the receipt, which is `previous` in the order's next one.
    pub digest: String,
    /// The thumbprint of the key that signed.
    pub kid: String,
    pub page: Option<PageDigests>,
}

/// Why a receipt is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// It is no JWS of a receipt.
    Unreadable,
    /// It was changed after it was signed.
    Changed,
    /// None of the keys is the one with this thumbprint.
    OtherKey(String),
}

impl SignedReceipt {
    /// Returns the bytes that are signed. Equal receipts have equal bytes.
    pub fn content(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// Signs the receipt; in a page, also the page's digests.
    pub fn sign(&self, key: &SigningKey, page: Option<PageDigests>) -> anyhow::Result<String> {
        let header = Header { typ: TYPE.to_owned(), alg: ALGORITHM.to_owned(), kid: key.public().kid.clone(), page };
        let header = BASE64URL.encode(serde_json::to_vec(&header)?);
        let message = format!("{header}.{}", BASE64URL.encode(self.content()?));
        let signature = key.sign(message.as_bytes()).map_err(|_| anyhow!("the system has no randomness"))?;
        Ok(format!("{message}.{}", BASE64URL.encode(signature)))
    }
}

/// Verifies a receipt by public keys.
pub fn verify(keys: &[PublicKey], jws: &str) -> Result<Verified, Invalid> {
    let parts: Vec<&str> = jws.split('.').collect();
    let [header, content, signature] = parts[..] else { return Err(Invalid::Unreadable) };
    let bytes = |part: &str| BASE64URL.decode(part).map_err(|_| Invalid::Changed);
    let Header { typ, alg, kid, page } = serde_json::from_slice(&bytes(header)?).map_err(|_| Invalid::Changed)?;
    let key = keys.iter().find(|key| key.kid == kid).ok_or_else(|| Invalid::OtherKey(kid.clone()))?;
    let message = format!("{header}.{content}");
    key.verify(message.as_bytes(), &bytes(signature)?).map_err(|_| Invalid::Changed)?;
    if (typ.as_str(), alg.as_str()) != (TYPE, ALGORITHM) {
        return Err(Invalid::Unreadable);
    }
    let content = bytes(content)?;
    let receipt = serde_json::from_slice(&content).map_err(|_| Invalid::Unreadable)?;
    Ok(Verified { receipt, digest: digest(&content), kid, page })
}

/// Returns the page digests in the header of a compact JWS, without verifying its signature.
pub fn page_of(jws: &str) -> Option<PageDigests> {
    let header = BASE64URL.decode(jws.split('.').next()?).ok()?;
    serde_json::from_slice::<Header>(&header).ok()?.page
}

/// Returns the public keys as a JSON Web Key Set (RFC 7517).
pub fn key_set(keys: &[PublicKey]) -> Value {
    let keys = keys.iter().map(|key| {
        let (x, y, kid) = (&key.x, &key.y, &key.kid);
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": ALGORITHM, "use": "sig" })
    });
    json!({ "keys": keys.collect::<Vec<_>>() })
}

/// Reads a JSON Web Key Set; `None` for another text. A key's thumbprint identifies it, and its `kid` is not read. Keys
/// of other kinds are skipped.
pub fn read_key_set(json: &[u8]) -> Option<Vec<PublicKey>> {
    let set: Value = serde_json::from_slice(json).ok()?;
    let is_of_kind = |key: &&Value| key["kty"] == "EC" && key["crv"] == "P-256";
    let read = |key: &Value| PublicKey::from_coordinates(key["x"].as_str()?, key["y"].as_str()?);
    Some(set["keys"].as_array()?.iter().filter(is_of_kind).filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CheckState;

    fn receipt() -> SignedReceipt {
        let (invariant, text, evidence) = ("1: orders".to_owned(), "It exists.".to_owned(), vec!["a row".to_owned()]);
        SignedReceipt {
            order_uuid: Uuid::from_u128(1),
            issued_at: DateTime::UNIX_EPOCH,
            version: "1.2.3".to_owned(),
            previous: None,
            checks: vec![Check { invariant, text, state: CheckState::Held, evidence }],
        }
    }

    #[test]
    fn a_receipt_with_any_altered_byte_is_not_valid() {
        let key = SigningKey::generate().unwrap();
        let keys = [key.public().clone()];
        let jws = receipt().sign(&key, None).unwrap();

        let verified = verify(&keys, &jws).unwrap();
        assert_eq!((verified.receipt, verified.kid), (receipt(), key.public().kid.clone()));
        assert_eq!(verified.digest, digest(&receipt().content().unwrap()));
        for (place, byte) in jws.bytes().enumerate() {
            for other in *b"Aa9_." {
                let mut altered = jws.clone().into_bytes();
                altered[place] = other;
                let altered = String::from_utf8(altered).unwrap();
                assert!(other == byte || verify(&keys, &altered).is_err(), "{altered} for {jws}");
            }
        }
        let content = jws.find('.').unwrap() + 5;
        let mut altered = jws.clone();
        altered.replace_range(content..=content, if &jws[content..=content] == "A" { "B" } else { "A" });
        assert_eq!(verify(&keys, &altered), Err(Invalid::Changed));
    }

    #[test]
    fn a_receipt_of_another_shops_key_is_told_apart_from_a_changed_one() {
        let [ours, theirs] = [(); 2].map(|()| SigningKey::generate().unwrap());
        let jws = receipt().sign(&theirs, None).unwrap();

        let kid = theirs.public().kid.clone();
        assert_eq!(verify(&[ours.public().clone()], &jws), Err(Invalid::OtherKey(kid)));
        // A key set in which another key has the name of the shop's key contains no key of the shop.
        let mut forged = key_set(&[ours.public().clone()]);
        forged["keys"][0]["kid"] = theirs.public().kid.clone().into();
        let forged = read_key_set(forged.to_string().as_bytes()).unwrap();
        assert_eq!(forged, [ours.public().clone()]);
        assert_eq!(verify(&forged, "no receipt"), Err(Invalid::Unreadable));
    }
}
