//! The gRPC service `AuthService`: log in and out, and access tokens.

use contracts::proto::auth::v1::{
    GetJwksRequest, GetJwksResponse, IssueTokenRequest, IssueTokenResponse, Jwk, LoginRequest, LoginResponse,
    LogoutAllRequest, LogoutAllResponse, LogoutRequest, LogoutResponse, WhoamiRequest, WhoamiResponse,
    auth_service_server::AuthService,
};
use platform::{auth::SESSION_METADATA, clock, grpc::timestamp, random};
use tonic::{Request, Response, Status, metadata::MetadataValue};

use super::{Grpc, caller_address, encode, record_refusal, session_id};
use crate::{
    error::Error,
    metrics,
    model::{LoginAttempt, Password, SessionId, TokenId},
    tokens::PublicKey,
};

/// Clients may cache the keys of tokens for as long as a token lives. While operators replace a key, both keys are
/// published for longer than that.
const CACHE: &str = "public, max-age=300";

#[tonic::async_trait]
impl AuthService for Grpc {
    /// Verifies a login and password, and opens a session.
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        let LoginRequest { login, password } = request.into_inner();
        let attempt = LoginAttempt::new(login, address).map_err(Error::from)?;
        let password = Password::given("password", password).map_err(Error::from)?;
        let id = SessionId::from_bits(random::secret());

        let opened = self.service.login(&attempt, password, id, random::secret(), clock::now()).await;
        metrics::login(&opened);
        opened.inspect_err(record_refusal)?;

        Ok(Response::new(LoginResponse { session_uuid: id.to_string() }))
    }

    /// Returns a session and its user.
    async fn whoami(&self, request: Request<WhoamiRequest>) -> Result<Response<WhoamiResponse>, Status> {
        let WhoamiRequest { session_uuid, access_token } = request.into_inner();
        let (credential, shown) = match (session_uuid.is_empty(), access_token.is_empty()) {
            (_, true) => {
                let id = session_id(&session_uuid)?;
                (id.into(), id.to_string())
            }
            (true, false) => (self.service.token(&access_token, clock::now())?, String::new()),
            (false, false) => return Err(Error::InvalidSession.into()),
        };

        let (times, user) = self.service.whoami(credential).await?;

        let session = encode::session(shown, times);
        Ok(Response::new(WhoamiResponse { session: Some(session), user: Some(encode::user(user)) }))
    }

    /// Ends a session.
    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        let id = session_id(&request.get_ref().session_uuid)?;

        self.service.logout(id).await?;

        Ok(Response::new(LogoutResponse {}))
    }

    /// Ends all sessions of a session's user.
    async fn logout_all(&self, request: Request<LogoutAllRequest>) -> Result<Response<LogoutAllResponse>, Status> {
        let id = session_id(&request.get_ref().session_uuid)?;

        self.service.logout_all(id).await?;

        Ok(Response::new(LogoutAllResponse {}))
    }

    /// Issues an access token for a session.
    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Result<Response<IssueTokenResponse>, Status> {
        let session = match request.get_ref().session_uuid.as_str() {
            "" => request.metadata().get(SESSION_METADATA).and_then(|id| id.to_str().ok()).unwrap_or_default(),
            session => session,
        };
        let session = session_id(session)?;

        let issued = self.service.issue_token(session, TokenId::from_bits(random::secret()), clock::now()).await?;

        let expires_at = Some(timestamp(issued.expires_at));
        Ok(Response::new(IssueTokenResponse { access_token: issued.token, expires_at }))
    }

    /// Returns the public keys of access tokens.
    async fn get_jwks(&self, _: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        let keys = self.service.access_tokens().public_keys().iter().map(jwk).collect();
        let mut response = Response::new(GetJwksResponse { keys });
        response.metadata_mut().insert("cache-control", MetadataValue::from_static(CACHE));
        Ok(response)
    }
}

fn jwk(key: &PublicKey) -> Jwk {
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
