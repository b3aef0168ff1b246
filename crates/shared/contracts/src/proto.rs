//! The contracts in `proto/`, compiled: messages, gRPC clients and servers, and the descriptors that reflection serves.

#![allow(clippy::all, clippy::allow_attributes, clippy::pedantic, reason = "generated code")]

/// The encoded `FileDescriptorSet` of every package below.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! packages {
    ($($name:ident),*) => {
        $(pub mod $name {
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".v1.rs"));
            }
        })*
    };
}

packages!(auth, user, common, customers, inventory, payment, assembly, notification, events, delivery);

pub mod order {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/order.v1.rs"));
    }

    pub mod events {
        include!(concat!(env!("OUT_DIR"), "/order.events.rs"));
    }
}

/// `Debug` of the messages with sensitive fields.
mod debug {
    include!(concat!(env!("OUT_DIR"), "/debug.rs"));
}

/// Packages of other programs, whose names have no version.
pub mod geo {
    include!(concat!(env!("OUT_DIR"), "/geo.rs"));
}

pub mod basket {
    pub mod events {
        include!(concat!(env!("OUT_DIR"), "/basket.events.rs"));
    }
}

#[cfg(test)]
mod tests {
    use super::{auth::v1::LoginRequest, common::v1::*};

    #[test]
    fn a_sensitive_field_is_not_shown_and_the_others_are() {
        let method = NotificationMethod {
            provider_name: "telegram".to_owned(),
            target: "774242".to_owned(),
            is_confirmed: true,
        };
        let info = UserInfo {
            login: "ann".to_owned(),
            email: "ann@example.com".to_owned(),
            notification_methods: vec![method],
        };
        let user = User { uuid: "42".to_owned(), info: Some(info), ..User::default() };
        let login = LoginRequest { login: "ann".to_owned(), password: "hunter2".to_owned() };

        let shown = format!("{user:?} {login:#?}");

        assert!(shown.contains("telegram") && shown.contains("42") && shown.contains("[redacted]"), "{shown}");
        assert!(!["ann", "774242", "hunter2"].iter().any(|secret| shown.contains(secret)), "{shown}");
    }
}
