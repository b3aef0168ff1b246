//! Connections and HTTP/2 frames that attackers write themselves, since a well-behaved client library would not send
//! them.

mod connection;
pub mod frames;
mod http2;

pub use self::{
    connection::{Connection, channel, channel_from, client, source},
    http2::Http2,
};
