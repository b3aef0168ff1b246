//! The service's error, and its conversion to a gRPC status.

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
            Error::Street(_) => Self::invalid_argument(error.to_string()),
        }
    }
}
