//! The measured operations, one per file.

mod cancelled_order;
mod create_order;
mod empty;
mod insert;
mod list_orders;
mod login;
mod redis_get;
mod whoami;
mod whole_order;

pub use self::{
    cancelled_order::CancelledOrder,
    create_order::CreateOrder,
    empty::{EmptyCall, EmptyRequest},
    insert::{Insert, Path},
    list_orders::ListOrders,
    login::Login,
    redis_get::RedisGet,
    whoami::Whoami,
    whole_order::WholeOrder,
};
