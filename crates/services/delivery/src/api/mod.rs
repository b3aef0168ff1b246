//! The APIs: gRPC for services and operators, HTTP for the console and programs outside.

pub mod grpc;
pub mod http;
mod status;
