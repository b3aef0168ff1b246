//! The form of access tokens: header, claims and signature, each in base64url (RFC 7515, RFC 7519).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use chrono::{DateTime, Utc};
use platform::{auth::MAX_TOKEN, security_events::TokenRefusal};
use ring::error::Unspecified;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::{NewToken, PublicKey, SigningKey};
use crate::model::TokenId;

const TYPE: &str = "at+jwt";
const ALGORITHM: &str = "ES256";
const ISSUER: &str = "shipyard";
const AUDIENCE: &str = "shop";
/// The largest accepted difference between the clocks of two replicas. The session store, which has one clock, ends
/// each token on time.
const LEEWAY: Duration = Duration::from_secs(30);

/// The JOSE header. A header with any other member is refused, such as `crit`, or `jwk`, `jku` and `x5u`, which would
/// supply a key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    aud: &'static str,
    sub: Uuid,
    jti: Uuid,
    iat: i64,
    exp: i64,
    login: &'a str,
    roles: &'a [&'static str],
}

/// The claims that decide whether a token is valid. The others are for the token's bearer: this service does not read
/// login and roles from a token, because they may be outdated.
#[derive(Deserialize)]
struct Checked {
    iss: String,
    aud: String,
    /// Only its form is checked: the token's session names the user.
    #[serde(rename = "sub")]
    _sub: Uuid,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

pub fn sign(key: &SigningKey, token: &NewToken<'_>, roles: &[&'static str]) -> Result<String, Unspecified> {
    let header = Header { typ: TYPE, alg: ALGORITHM, kid: &key.public().kid };
    let claims = Claims {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: token.user.uuid(),
        jti: token.id.uuid(),
        iat: token.issued_at.timestamp(),
        exp: token.expires_at.timestamp(),
        login: token.login,
        roles,
    };
    let mut jwt = format!("{}.{}", encode(&header)?, encode(&claims)?);
    let signature = key.sign(jwt.as_bytes())?;
    jwt.push('.');
    BASE64URL.encode_string(signature, &mut jwt);
    Ok(jwt)
}

/// Verifies all that does not need the session store. Returns the token's id.
pub fn verify(keys: &[PublicKey], token: &str, now: DateTime<Utc>) -> Result<TokenId, TokenRefusal> {
    if token.len() > MAX_TOKEN {
        return Err(TokenRefusal::Kind);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Kind)?;
    let (header, claims) = message.split_once('.').ok_or(TokenRefusal::Kind)?;
    let header = bytes(header)?;
    let Header { typ, alg, kid } = serde_json::from_slice(&header).map_err(|_| TokenRefusal::Kind)?;
    if (typ, alg) != (TYPE, ALGORITHM) {
        return Err(TokenRefusal::Kind);
    }
    let key = keys.iter().find(|key| key.kid == kid).ok_or(TokenRefusal::Signature)?;
    key.verify(message.as_bytes(), &bytes(signature)?).map_err(|_| TokenRefusal::Signature)?;
    let claims: Checked = decode(claims)?;
    if (claims.iss.as_str(), claims.aud.as_str()) != (ISSUER, AUDIENCE) {
        return Err(TokenRefusal::Kind);
    }
    let (now, leeway) = (now.timestamp(), LEEWAY.as_secs().cast_signed());
    if claims.exp.saturating_add(leeway) < now || claims.iat.saturating_sub(leeway) > now {
        return Err(TokenRefusal::Lifetime);
    }
    Ok(claims.jti.into())
}

fn encode(part: &impl Serialize) -> Result<String, Unspecified> {
    serde_json::to_vec(part).map(|json| BASE64URL.encode(json)).map_err(|_| Unspecified)
}

/// Reads the part as a whole first: serde_json does not check the text of members that it skips.
fn decode<T: DeserializeOwned>(part: &str) -> Result<T, TokenRefusal> {
    let whole: Value = serde_json::from_slice(&bytes(part)?).map_err(|_| TokenRefusal::Kind)?;
    serde_json::from_value(whole).map_err(|_| TokenRefusal::Kind)
}

fn bytes(part: &str) -> Result<Vec<u8>, TokenRefusal> {
    BASE64URL.decode(part).map_err(|_| TokenRefusal::Kind)
}

#[cfg(test)]
mod tests;
