//! What attackers put on the wire themselves, since a well-behaved client would not: plain connections, and HTTP/2 frames.

mod clients;
mod connection;
pub mod frames;
mod http2;

pub use self::{
    clients::{channel, client},
    connection::Connection,
    http2::Http2,
};
