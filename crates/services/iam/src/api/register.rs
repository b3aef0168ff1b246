//! `Register`: validates and adds a new user.

use std::net::IpAddr;

use contracts::{
    ids::UserId,
    proto::user::v1::{RegisterRequest, RegisterResponse, UserRegistrationInfo},
};
use platform::{clock, ids, invalid::InvalidField, random};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    model::{NotificationMethod, Password, User, UserInfo},
    service::IamService,
};

pub async fn handle(
    service: &IamService,
    password_min: usize,
    address: IpAddr,
    request: Request<RegisterRequest>,
) -> Result<Response<RegisterResponse>, Status> {
    let info = request.into_inner().info.ok_or_else(|| Error::from(InvalidField::invalid("info", "is required")))?;
    let (info, password) = decode(info, password_min)?;
    let user = User::new(UserId::new(ids::ordered()), info, clock::now());

    service.register(address, &user, password, random::secret()).await?;

    Ok(Response::new(RegisterResponse { user_uuid: user.id.to_string() }))
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
