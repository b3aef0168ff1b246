//! The gRPC service `UserService`: accounts, from registration to their end.

use contracts::{
    ids::UserId,
    proto::user::v1::{
        ChangeContactsRequest, ChangeContactsResponse, ChangePasswordRequest, ChangePasswordResponse,
        DeleteAccountRequest, DeleteAccountResponse, DisableUserRequest, DisableUserResponse, EnableUserRequest,
        EnableUserResponse, GetUserRequest, GetUserResponse, RegisterRequest, RegisterResponse, UserRegistrationInfo,
        user_service_server::UserService,
    },
};
use platform::{
    auth::SESSION_METADATA,
    clock,
    grpc::{caller, parse_uuid, user},
    ids,
    invalid::InvalidField,
    random,
};
use tonic::{Request, Response, Status};

use super::{Grpc, caller_address, encode, record_refusal, session_id};
use crate::{
    error::Error,
    model::{LoginAttempt, NotificationMethod, Password, User, UserInfo},
};

#[tonic::async_trait]
impl UserService for Grpc {
    /// Validates and adds a new user.
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<RegisterResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        let info =
            request.into_inner().info.ok_or_else(|| Error::from(InvalidField::invalid("info", "is required")))?;
        let (info, password) = decode(info, self.settings.password_min)?;
        let user = User::new(UserId::new(ids::ordered()), info, clock::now());

        self.service.register(address, &user, password, random::secret()).await?;

        Ok(Response::new(RegisterResponse { user_uuid: user.id.to_string() }))
    }

    /// Returns a user. Only that user and services may read it.
    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = caller(&request)?;
        let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

        let user = self.service.find(&caller, user).await?;

        Ok(Response::new(GetUserResponse { user: Some(encode::user(user)) }))
    }

    /// Sets a new password of a session's user and ends the user's other sessions.
    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        let request = request.into_inner();
        let id = session_id(&request.session_uuid)?;
        let old = Password::given("old_password", request.old_password).map_err(Error::from)?;
        let (times, user) = self.service.whoami(id.into()).await?;
        let session = times.of(id, user);
        let new = Password::chosen(
            "new_password",
            request.new_password,
            [&session.user.info.login, &session.user.info.email],
            self.settings.password_min,
        )
        .map_err(Error::from)?;
        let attempt = LoginAttempt::new(session.user.info.login.clone(), address).map_err(Error::from)?;

        self.service
            .change_password(session, &attempt, (old, new), random::secret(), clock::now())
            .await
            .inspect_err(record_refusal)?;

        Ok(Response::new(ChangePasswordResponse {}))
    }

    /// Replaces the e-mail address and the notification methods of a session's user.
    async fn change_contacts(
        &self,
        request: Request<ChangeContactsRequest>,
    ) -> Result<Response<ChangeContactsResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        let ChangeContactsRequest { session_uuid, password, email, notification_methods } = request.into_inner();
        let id = session_id(&session_uuid)?;
        let password = Password::given("password", password).map_err(Error::from)?;
        let methods = notification_methods.into_iter();
        let methods: Vec<_> =
            methods.map(|method| NotificationMethod::new(method.provider_name, method.target)).collect();
        let (_, user) = self.service.whoami(id.into()).await?;
        user.info.check_contacts(&email, &methods)?;
        let attempt = LoginAttempt::new(user.info.login, address).map_err(Error::from)?;

        self.service
            .change_contacts(&attempt, password, &email, &methods, clock::now())
            .await
            .inspect_err(record_refusal)?;

        Ok(Response::new(ChangeContactsResponse {}))
    }

    /// Ends the account of a session's user.
    async fn delete_account(
        &self,
        request: Request<DeleteAccountRequest>,
    ) -> Result<Response<DeleteAccountResponse>, Status> {
        let address = caller_address::of(&request, &self.settings);
        let session = request.metadata().get(SESSION_METADATA).and_then(|session| session.to_str().ok());
        let id = session.and_then(|session| session_id(session).ok()).ok_or(Error::InvalidSession)?;
        let (times, user) = self.service.whoami(id.into()).await?;
        let password = Password::given("password", request.into_inner().password).map_err(Error::from)?;
        let attempt = LoginAttempt::new(user.info.login.clone(), address).map_err(Error::from)?;

        self.accounts.delete(times.of(id, user), &attempt, password, clock::now()).await.inspect_err(record_refusal)?;

        Ok(Response::new(DeleteAccountResponse {}))
    }

    /// Ends a user's sessions and refuses its logins, on behalf of an operator.
    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        let operator = user(&request)?;
        let DisableUserRequest { user_uuid, reason } = request.into_inner();
        let user = UserId::new(parse_uuid("user_uuid", &user_uuid)?);

        self.service.disable_user(operator, user, &reason, clock::now()).await?;

        Ok(Response::new(DisableUserResponse {}))
    }

    /// Admits a user's logins again, on behalf of an operator.
    async fn enable_user(&self, request: Request<EnableUserRequest>) -> Result<Response<EnableUserResponse>, Status> {
        let operator = user(&request)?;
        let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

        self.service.enable_user(operator, user, clock::now()).await?;

        Ok(Response::new(EnableUserResponse {}))
    }
}

/// Validates a registration. An error names all invalid fields.
fn decode(registration: UserRegistrationInfo, password_min: usize) -> Result<(UserInfo, Password), Error> {
    let info = registration.info.ok_or_else(|| InvalidField::invalid("info.info", "is required"))?;
    let password = Password::chosen("password", registration.password, [&info.login, &info.email], password_min);
    let methods = info
        .notification_methods
        .into_iter()
        .map(|method| NotificationMethod::new(method.provider_name, method.target));
    match (UserInfo::new(info.login, info.email, methods.collect()), password) {
        (Ok(info), Ok(password)) => Ok((info, password)),
        (info, password) => {
            let mut invalid = info.err().unwrap_or_default();
            password.map_err(|wrong| invalid.add(wrong)).ok();
            Err(invalid.into())
        }
    }
}
