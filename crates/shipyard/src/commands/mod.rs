//! The commands of the program, one module each.

pub mod address_arguments;
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
pub mod moved;
pub mod operator;
mod password;
pub mod produce;
pub mod render;
pub mod restock;
pub mod run;
pub mod services;
mod starting;
pub mod token;
pub mod up;
