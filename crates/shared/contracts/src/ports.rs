//! The default port of each service's API. Clients and servers agree on them here.

pub const INVENTORY: u16 = 50051;
pub const PAYMENT: u16 = 50052;
pub const IAM: u16 = 50053;
pub const ASSEMBLY: u16 = 50054;
pub const NOTIFICATION: u16 = 50055;
pub const CUSTOMERS: u16 = 50057;
pub const ORDER: u16 = 8080;
/// The gRPC API of the order service, which also serves HTTP.
pub const ORDER_GRPC: u16 = 50058;
pub const DELIVERY: u16 = 50056;
/// The HTTP API of the delivery service, which also serves gRPC.
pub const DELIVERY_HTTP: u16 = 8082;
pub const GEO: u16 = 5004;
/// Intake serves HTTP alone.
pub const INTAKE: u16 = 8083;

/// Returns the address of a port on this machine.
pub fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}
