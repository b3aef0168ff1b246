//! Ratios of the system's speed to that of its primitives, measured in the same run on the same machine.
//!
//! A figure such as orders per second means nothing on another machine, or on this one while something else runs. Its
//! ratio to the rate of single commits, empty calls and raw produces, measured on the same machine at the same time, is
//! comparable.

pub mod child;
pub mod command;
pub mod fill;
pub mod lab;
pub mod page;
pub mod ratios;
pub mod report;
pub mod rounds;
pub mod sample;
pub mod statistics;
pub mod work;
