//! `ChangeContacts`: replaces the e-mail address and the notification methods of a session's user.

use std::net::IpAddr;

use contracts::proto::user::v1::{ChangeContactsRequest, ChangeContactsResponse};
use platform::clock;
use tonic::{Request, Response, Status};

use super::{record_refusal, session_id};
use crate::{
    error::Error,
    model::{LoginAttempt, NotificationMethod, Password},
    service::IamService,
};

pub async fn handle(
    service: &IamService,
    address: IpAddr,
    request: Request<ChangeContactsRequest>,
) -> Result<Response<ChangeContactsResponse>, Status> {
    let ChangeContactsRequest { session_uuid, password, email, notification_methods } = request.into_inner();
    let id = session_id(&session_uuid)?;
    let password = Password::given("password", password).map_err(Error::from)?;
    let methods = notification_methods.into_iter();
    let methods: Vec<_> = methods.map(|method| NotificationMethod::new(method.provider_name, method.target)).collect();
    let (_, user) = service.whoami(id.into()).await?;
    user.info.check_contacts(&email, &methods)?;
    let attempt = LoginAttempt::new(user.info.login, address).map_err(Error::from)?;

    service.change_contacts(&attempt, password, &email, &methods, clock::now()).await.inspect_err(record_refusal)?;

    Ok(Response::new(ChangeContactsResponse {}))
}
