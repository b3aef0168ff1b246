//! The gateway as outside callers see it: Envoy with the configuration of `deploy/envoy`, in front of a real system.

mod bodies;
mod check;
mod errors;
mod fixture;
mod metrics;
mod own_ports;
mod sessions;
mod tokens;
mod traces;
mod tricks;
