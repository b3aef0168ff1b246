//! Connections and HTTP/2 frames that attackers write themselves, since a well-behaved client library would not send
//! them.

mod clients;
mod connection;
pub mod frames;
mod http2;

pub use self::{
    clients::{channel, channel_from, client},
    connection::{Connection, source},
    http2::Http2,
};
