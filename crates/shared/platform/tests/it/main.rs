//! What the platform promises, over real servers.

mod consumer;
mod grpc;
mod http;
mod migrations;
mod outage;
mod outbox;
mod outbox_contract;
mod postgres;
mod reader;
mod redis;
mod relay;
mod shutdown;
mod silent_broker;
mod topics;
