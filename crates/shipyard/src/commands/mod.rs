//! The commands of the program, one module each.

pub mod audit;
pub mod certificates;
pub mod couriers;
pub mod demo;
pub mod dlq;
pub mod doctor;
pub mod kafka_acls;
pub mod login;
pub mod manual;
pub mod migrate;
pub mod operator;
pub mod receipt;
pub mod render;
pub mod restock;
pub mod services;
mod starting;
pub mod up;
