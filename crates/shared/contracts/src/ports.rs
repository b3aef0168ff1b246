//! The default ports of the services' APIs, for servers and clients. Each `SERVICE` has the port of metrics and health.

pub const INVENTORY: u16 = 50051;
pub const PAYMENT: u16 = 50052;
pub const IAM: u16 = 50053;
pub const ASSEMBLY: u16 = 50054;
pub const NOTIFICATION: u16 = 50055;
pub const CUSTOMERS: u16 = 50057;
pub const ORDER: u16 = 8080;
/// The order service's gRPC API; [`ORDER`] is its HTTP API.
pub const ORDER_GRPC: u16 = 50058;
pub const DELIVERY: u16 = 50056;
/// The delivery service's HTTP API; [`DELIVERY`] is its gRPC API.
pub const DELIVERY_HTTP: u16 = 8082;
pub const GEO: u16 = 5004;
pub const OPERATIONS: u16 = 50059;
/// HTTP only.
pub const INTAKE: u16 = 8083;
/// HTTP only.
pub const CONSOLE: u16 = 8084;

/// The loopback address with this port.
pub fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}
