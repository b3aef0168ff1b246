//! The structure of the workspace, held by tests that read its files. A failure says what to do about it.

mod anatomy;
mod arrows;
mod circles;
mod documents;
mod registry;
mod tree;
mod words;
