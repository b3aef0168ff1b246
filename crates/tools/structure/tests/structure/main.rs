//! Tests of the structure of the workspace, which read its files. A failure says how to fix it.

mod anatomy;
mod arrows;
mod circles;
mod documents;
mod mentions;
mod registry;
mod shared_tables;
mod tree;
mod words;
