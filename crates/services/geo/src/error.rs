//! The service's error, and its conversion to a gRPC status.

use platform::grpc;
use tonic::Status;

use crate::model::StreetError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("street: {0}")]
    Street(#[from] StreetError),
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Street(error) => grpc::invalid("street", error),
        }
    }
}
