//! What the platform promises, over real servers.

mod consumer;
mod migrations;
mod outbox;
mod reader;
