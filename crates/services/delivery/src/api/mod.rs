//! The APIs: gRPC for services and operators, HTTP for the console and outside programs.

pub mod grpc;
pub mod http;
