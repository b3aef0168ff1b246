//! What the platform promises, over real servers and over twins.

mod access;
mod bounds;
mod consumer;
mod frames;
mod grpc;
mod guard;
mod http;
mod listener;
mod migrations;
mod outage;
mod outbox;
mod outbox_contract;
mod outbox_event;
mod peer;
mod postgres;
mod reader;
mod redis;
mod relay;
mod relay_memory;
mod seen;
mod service_tokens;
mod shutdown;
mod silent_broker;
mod spans;
mod tls;
mod topics;
