//! Tests of the workspace's structure, which read its files. A failure says how to fix it.

mod anatomy;
mod crate_dependencies;
mod documents;
mod files_that_name_services;
mod images;
mod import_cycles;
mod migrations;
mod one_compilation;
mod proto_comments;
mod tree;
