//! The contracts that the services share: protobuf messages and RPCs, events with their topics and consumer groups,
//! typed ids, money, texts, ports, keys of logins, and the path and errors of `/api/orders`.

pub mod caseless;
pub mod checkout;
pub mod events;
pub mod gateway;
pub mod identity;
pub mod ids;
pub mod money;
pub mod ports;
pub mod proto;
pub mod text;
