//! What a caller is answered, as far as access goes.

use std::fmt;

use tonic::{Code, Status};

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The guard let the call pass; the method may have refused it.
    Admitted,
    /// gRPC, one of the refusals.
    Grpc(Code),
    /// HTTP, one of the refusals.
    Http(u16),
}

impl Answer {
    pub fn of_grpc(answer: Result<(), &Status>) -> Self {
        match answer.map_err(Status::code) {
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

    /// Whether what was asked for is said not to exist.
    pub fn hides(self) -> bool {
        matches!(self, Self::Grpc(Code::NotFound) | Self::Http(404))
    }

    /// Whether a service got past the guard.
    pub fn admits_service(self) -> bool {
        self == Self::Admitted || self.hides()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admitted => f.write_str("admitted"),
            Self::Grpc(code) => write!(f, "{code:?}"),
            Self::Http(status) => write!(f, "{status}"),
        }
    }
}
