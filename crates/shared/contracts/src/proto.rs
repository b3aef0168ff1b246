//! The code generated from `proto/`: messages, gRPC clients and servers, and the descriptors that reflection serves.

#![allow(clippy::all, clippy::allow_attributes, clippy::pedantic, reason = "generated code")]

/// The encoded `FileDescriptorSet` of every package below.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

// `packages.rs` has a module for each protobuf package, such as `order::v1` and `geo`.
include!(concat!(env!("OUT_DIR"), "/packages.rs"));

/// The generated `Debug` implementations of messages with sensitive fields.
mod debug {
    include!(concat!(env!("OUT_DIR"), "/debug.rs"));
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
