//! Encodes users and sessions as protobuf.

use contracts::{
    identity::OPERATOR,
    proto::common::v1::{NotificationMethod, Session, User, UserInfo},
};
use platform::grpc::timestamp;

use crate::model::{self, SessionTimes};

pub fn user(user: model::User) -> User {
    let roles = roles(user.is_operator);
    let methods = user.info.notification_methods.into_iter();
    let methods = methods.map(|method| NotificationMethod {
        provider_name: method.provider_name,
        target: method.target,
        is_confirmed: method.is_confirmed,
    });
    let info = UserInfo { login: user.info.login, email: user.info.email, notification_methods: methods.collect() };
    User {
        uuid: user.id.to_string(),
        info: Some(info),
        created_at: Some(timestamp(user.created_at)),
        updated_at: Some(timestamp(user.updated_at)),
        roles,
    }
}

pub fn roles(is_operator: bool) -> Vec<String> {
    is_operator.then(|| OPERATOR.to_owned()).into_iter().collect()
}

/// Encodes a session. `uuid` is empty for the bearer of an access token, who must not learn the session's id.
pub fn session(uuid: String, session: SessionTimes) -> Session {
    Session {
        uuid,
        created_at: Some(timestamp(session.created_at)),
        updated_at: Some(timestamp(session.updated_at)),
        expires_at: Some(timestamp(session.expires_at)),
    }
}
