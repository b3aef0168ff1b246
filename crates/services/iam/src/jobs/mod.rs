//! Background jobs, one per file.

mod free_hashing_memory;

pub use free_hashing_memory::free_hashing_memory;
