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

packages!(auth, user, common, inventory, payment, assembly, notification, events, delivery);

pub mod order {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/order.v1.rs"));
    }

    pub mod events {
        include!(concat!(env!("OUT_DIR"), "/order.events.rs"));
    }
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
