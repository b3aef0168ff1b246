//! The whole service over gRPC, and its configuration.

mod api;
mod configuration;
