//! Tests of the workspace's structure, which read its files. A failure says how to fix it.

mod anatomy;
mod compose;
mod container_variables;
mod crate_dependencies;
mod documents;
mod events;
mod files_that_name_services;
mod import_cycles;
mod migrations;
mod observability;
mod one_compilation;
mod proto_comments;
mod registry;
mod roll;
mod store_memory;
mod tls_certificates;
mod tree;
mod words;
