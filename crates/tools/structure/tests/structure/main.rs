//! The structure of the workspace, held by tests that read its files. A failure says what to do about it.

mod anatomy;
mod arrows;
mod circles;
mod documents;
mod mentions;
mod registry;
mod shared_tables;
mod tree;
mod words;
