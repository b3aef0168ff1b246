//! Tests of the certificate authority on real files.

mod authority;
mod directory;
