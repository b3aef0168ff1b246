//! The service's error, and its conversion to a gRPC status and to a consumer's `Failure`. `api::problems` converts it
//! to HTTP problems.

use platform::{grpc, kafka::Failure, postgres::DatabaseError};
use tonic::Status;

use crate::client::{GeoError, OrderAddressError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("delivery not found")]
    NotFound,
    #[error("courier not found")]
    CourierNotFound,
    /// The maximum number of couriers, or of storage places of one courier, is reached.
    #[error("the maximum number of {0} is reached")]
    TooMany(&'static str),
    /// The order service has no address for the order, so the order's `OrderPaid` can never be handled.
    #[error("the order has no delivery address")]
    NoAddress,
    /// The order's delivery is another user's.
    #[error("the order's uuid belongs to another delivery")]
    AnotherDelivery,
    #[error(transparent)]
    Geo(#[from] GeoError),
    #[error(transparent)]
    Orders(#[from] OrderAddressError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound | Error::CourierNotFound | Error::NoAddress => Self::not_found(error.to_string()),
            Error::AnotherDelivery => Self::already_exists(error.to_string()),
            Error::TooMany(_) => Self::resource_exhausted(error.to_string()),
            Error::Geo(GeoError::Refused) => grpc::invalid("delivery_address", error),
            Error::Geo(GeoError::Unavailable(_) | GeoError::OffTheGrid(_)) | Error::Orders(_) => {
                Self::unavailable(error.to_string())
            }
            Error::Database(error) => error.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Geo(GeoError::Unavailable(_)) | Error::Orders(OrderAddressError::Unavailable(_)) => {
                Self::transient(error)
            }
            Error::NotFound
            | Error::CourierNotFound
            | Error::TooMany(_)
            | Error::NoAddress
            | Error::AnotherDelivery
            | Error::Orders(OrderAddressError::Refused(_))
            | Error::Geo(GeoError::Refused | GeoError::OffTheGrid(_)) => Self::poison(error.to_string()),
            Error::Database(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OffTheGrid;

    #[test]
    fn a_consumer_gives_up_only_what_is_known_to_be_permanent() {
        testkit::assert_only_the_permanent_is_poison(|error| Error::from(error).into());
    }

    #[test]
    fn a_consumer_waits_for_geo_and_order_and_gives_up_what_they_refuse() {
        let geo = Failure::from(Error::from(GeoError::Unavailable("no route".to_owned())));
        let order = Failure::from(Error::from(OrderAddressError::Unavailable("no route".to_owned())));
        let refused = Failure::from(Error::from(GeoError::Refused));
        let order_refused = Failure::from(Error::from(OrderAddressError::Refused("address: is blank".to_owned())));

        assert!([geo, order].iter().all(|failure| matches!(failure, Failure::Transient(_))));
        let nowhere = Failure::from(Error::from(GeoError::OffTheGrid(OffTheGrid { x: 11, y: 0 })));
        let unknown = Failure::from(Error::NoAddress);
        let permanent = [refused, order_refused, nowhere, unknown];
        assert!(permanent.iter().all(|failure| matches!(failure, Failure::Poison(_))), "{permanent:?}");
    }
}
