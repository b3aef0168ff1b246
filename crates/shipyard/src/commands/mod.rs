//! The commands of the program, one module each.

pub mod abuse;
pub mod audit;
pub mod certificates;
pub mod chaos;
pub mod couriers;
pub mod demo;
pub mod dlq;
pub mod doctor;
pub mod migrate;
pub mod operator;
pub mod produce;
pub mod restock;
pub mod run;
pub mod up;
