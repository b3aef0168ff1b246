//! The access decision that a response shows.

use std::fmt;

use tonic::{Code, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The guard admitted the call. The method may still have refused it.
    Admitted,
    Grpc(Code),
    Http(u16),
}

impl Decision {
    pub fn of_grpc(response: Result<(), &Status>) -> Self {
        match response.map_err(Status::code) {
            Err(
                code @ (Code::Unauthenticated
                | Code::PermissionDenied
                | Code::NotFound
                | Code::Unimplemented
                | Code::Unavailable
                | Code::Internal),
            ) => Self::Grpc(code),
            _ => Self::Admitted,
        }
    }

    pub fn of_http(status: u16) -> Self {
        match status {
            401 | 403 | 404 | 405 | 500..=599 => Self::Http(status),
            _ => Self::Admitted,
        }
    }

    /// Returns true if the response says that the requested resource does not exist.
    pub fn hides(self) -> bool {
        matches!(self, Self::Grpc(Code::NotFound) | Self::Http(404))
    }

    /// Returns true if the guard admitted a service. A resource that does not exist counts as admission.
    pub fn admits_service(self) -> bool {
        self == Self::Admitted || self.hides()
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admitted => f.write_str("admitted"),
            Self::Grpc(code) => write!(f, "{code:?}"),
            Self::Http(status) => write!(f, "{status}"),
        }
    }
}
