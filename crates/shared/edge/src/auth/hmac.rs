//! HS256 of ring as the cryptography provider of `jsonwebtoken`. The providers that `jsonwebtoken` offers bring RSA
//! with an open advisory (RUSTSEC-2023-0071), or the library of a second TLS stack.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind, Result},
    signature::{Error as SignatureError, Signer, Verifier},
};
use ring::hmac::{self, HMAC_SHA256, Key};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.family(), key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.family(), key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

struct Hs256(Key);

/// Installs the provider for this process, unless one is installed already.
pub fn install() {
    let _ = PROVIDER.install_default();
}

impl Hs256 {
    /// Creates the signer or verifier. Fails for every algorithm other than HS256.
    fn new(algorithm: Algorithm, family: AlgorithmFamily, key: &[u8]) -> Result<Self> {
        if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(Error::from(ErrorKind::InvalidAlgorithm));
        }
        Ok(Self(Key::new(HMAC_SHA256, key)))
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// Compares in constant time.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        hmac::verify(&self.0, message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{
        DecodingKey, EncodingKey,
        crypto::{sign, verify},
    };

    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        install();
        // The example of RFC 7515, appendix A.1.
        let header_and_claims = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
            eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = EncodingKey::from_urlsafe_base64_secret(&format!("{secret}==")).unwrap();
        let decoding = DecodingKey::from_secret(key.as_bytes());

        let signature = sign(header_and_claims.as_bytes(), &key, Algorithm::HS256).unwrap();

        assert_eq!(signature, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert!(verify(&signature, header_and_claims.as_bytes(), &decoding, Algorithm::HS256).unwrap());
        assert!(!verify(&signature, b"other", &decoding, Algorithm::HS256).unwrap());
    }

    #[test]
    fn no_other_algorithm_is_known() {
        install();
        let key = EncodingKey::from_secret(b"secret");

        assert!(sign(b"message", &key, Algorithm::HS512).is_err());
        assert!(sign(b"message", &key, Algorithm::RS256).is_err());
    }
}
