//! The gateway as callers outside see it: Envoy with the configuration of `deploy/envoy`, before a real system.

mod buying;
mod check;
mod errors;
mod fixture;
mod sessions;
mod tokens;
mod traces;
mod tricks;
