//! The JOSE header of a JWT, which distinguishes a user's access token from a service's token before a key is chosen.
//!
//! So a key never verifies a token of the other kind, such as one whose signature is an HMAC with the public key of
//! access tokens.

use jsonwebtoken::{Algorithm, decode_header};

use crate::security_events::TokenRefusal;

/// The maximum length of a token in bytes.
pub const MAX_TOKEN: usize = 2_048;
/// The type of an access token (RFC 9068).
const ACCESS_TOKEN: &str = "at+jwt";

/// The kind of a token according to its header. The signature is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A service's token: HS256, of type `JWT` or without a type.
    Service,
    /// A user's access token: ES256, of type `at+jwt`.
    User,
}

impl TokenKind {
    /// Reads the kind of a token. Fails for every other pair of type and algorithm, for a malformed header, and for a
    /// token longer than [`MAX_TOKEN`].
    pub fn from_token(token: &str) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::Kind);
        }
        let header = decode_header(token).map_err(|_| TokenRefusal::Kind)?;
        match (header.typ.as_deref(), header.alg) {
            (None | Some("JWT"), Algorithm::HS256) => Ok(Self::Service),
            (Some(ACCESS_TOKEN), Algorithm::ES256) => Ok(Self::User),
            _ => Err(TokenRefusal::Kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens with these headers, encoded by `printf HEADER | basenc --base64url | tr -d =`.
    #[test]
    fn type_and_algorithm_together_tell_the_kind() {
        for (header, encoded, expected) in [
            (r#"{"alg":"HS256"}"#, "eyJhbGciOiJIUzI1NiJ9", Some(TokenKind::Service)),
            (r#"{"typ":"JWT","alg":"HS256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9", Some(TokenKind::Service)),
            (r#"{"typ":"at+jwt","alg":"ES256"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9", Some(TokenKind::User)),
            (r#"{"typ":"at+jwt","alg":"HS256"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9", None),
            (r#"{"typ":"JWT","alg":"ES256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9", None),
            (r#"{"alg":"ES256"}"#, "eyJhbGciOiJFUzI1NiJ9", None),
            (r#"{"alg":"none"}"#, "eyJhbGciOiJub25lIn0", None),
            (r#"{"typ":"at+jwt","alg":"none"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0", None),
            (r#"{"typ":"JWT","alg":"RS256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9", None),
        ] {
            assert_eq!(TokenKind::from_token(&format!("{encoded}.e30.c2ln")).ok(), expected, "{header}");
        }
    }

    #[test]
    fn what_is_no_jwt_or_too_long_has_no_kind() {
        let header = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9";
        let of_length = |length: usize| format!("{header}.{}.c2ln", "e".repeat(length - header.len() - 6));

        assert_eq!(TokenKind::from_token(&of_length(MAX_TOKEN)), Ok(TokenKind::User));
        for wrong in ["", ".", "..", "no token", header, "!.e30.c2ln", "e30.e30.c2ln", &of_length(MAX_TOKEN + 1)] {
            assert_eq!(TokenKind::from_token(wrong), Err(TokenRefusal::Kind), "{wrong}");
        }
    }
}
