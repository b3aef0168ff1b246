//! What the platform promises, over real servers.

mod consumer;
mod migrations;
mod outage;
mod outbox;
mod reader;
