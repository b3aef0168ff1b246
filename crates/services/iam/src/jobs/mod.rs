//! Background jobs, one per file.

mod fill_caseless_keys;
mod free_hashing_memory;

pub use fill_caseless_keys::fill_caseless_keys;
pub use free_hashing_memory::free_hashing_memory;
