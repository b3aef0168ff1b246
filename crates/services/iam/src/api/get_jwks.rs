//! `GetJwks`: returns the public keys of access tokens.

use contracts::proto::auth::v1::{GetJwksResponse, Jwk};
use tonic::{Response, metadata::MetadataValue};

use crate::{service::IamService, tokens::PublicKey};

/// Clients may cache the keys for as long as a token lives. While operators replace a key, both keys are published for
/// longer than that.
const CACHE: &str = "public, max-age=300";

pub fn handle(service: &IamService) -> Response<GetJwksResponse> {
    let keys = service.access_tokens().public_keys().iter().map(encode).collect();
    let mut response = Response::new(GetJwksResponse { keys });
    response.metadata_mut().insert("cache-control", MetadataValue::from_static(CACHE));
    response
}

fn encode(key: &PublicKey) -> Jwk {
    Jwk {
        kty: "EC".to_owned(),
        crv: "P-256".to_owned(),
        x: key.x.clone(),
        y: key.y.clone(),
        kid: key.kid.clone(),
        alg: "ES256".to_owned(),
        r#use: "sig".to_owned(),
    }
}
