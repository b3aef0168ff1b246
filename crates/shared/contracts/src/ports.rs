//! The default ports of the services' APIs, used by servers and clients. The port of metrics and health is in each service's `SERVICE`.

pub const INVENTORY: u16 = 50051;
pub const PAYMENT: u16 = 50052;
pub const IAM: u16 = 50053;
pub const ASSEMBLY: u16 = 50054;
pub const NOTIFICATION: u16 = 50055;
pub const CUSTOMERS: u16 = 50057;
pub const ORDER: u16 = 8080;
/// The port of the order service's gRPC API; [`ORDER`] is the port of its HTTP API.
pub const ORDER_GRPC: u16 = 50058;
pub const DELIVERY: u16 = 50056;
/// The port of the delivery service's HTTP API; [`DELIVERY`] is the port of its gRPC API.
pub const DELIVERY_HTTP: u16 = 8082;
pub const GEO: u16 = 5004;
/// The port of intake, which serves only HTTP.
pub const INTAKE: u16 = 8083;
/// The port of the console, which serves only HTTP.
pub const CONSOLE: u16 = 8084;

/// Returns the loopback address with this port.
pub fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}
