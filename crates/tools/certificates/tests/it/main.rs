//! Tests of the certificate authority on real files.

mod authority;
mod containers;
mod directory;
