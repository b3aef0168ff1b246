//! The client of delivery and geo: couriers, and the cell of an address.

use contracts::{
    ids::OrderId,
    proto::{
        delivery::v1::{
            AddCourierRequest, Courier, GetDeliveryStatusRequest, GetDeliveryStatusResponse, ListCouriersRequest,
            delivery_service_client::DeliveryServiceClient,
        },
        geo::{GetGeolocationRequest, geo_client::GeoClient},
    },
};
use platform::grpc::Peer;
use tonic::{Code, Status};

use crate::error::Error;

#[derive(Clone)]
pub struct Delivery {
    couriers: DeliveryServiceClient<Peer>,
    deliveries: DeliveryServiceClient<Peer>,
    geo: GeoClient<Peer>,
}

impl Delivery {
    /// `as_service` carries this service's identity, since users may not list couriers; `as_user` forwards the credential of the request.
    /// `geo` carries no credential.
    pub fn new(as_service: Peer, as_user: Peer, geo: Peer) -> Self {
        Self {
            couriers: DeliveryServiceClient::new(as_service),
            deliveries: DeliveryServiceClient::new(as_user),
            geo: GeoClient::new(geo),
        }
    }

    /// Returns all couriers, in the order of adding.
    pub async fn couriers(&self) -> Result<Vec<Courier>, Error> {
        let answer = self.couriers.clone().list_couriers(ListCouriersRequest {}).await;
        Ok(answer.map_err(|status| Error::Unavailable("delivery", status.into()))?.into_inner().couriers)
    }

    /// Returns the delivery of an order that the session's user may see, or `None` if the order has no delivery.
    pub async fn of_order(&self, order: OrderId) -> Result<Option<GetDeliveryStatusResponse>, Status> {
        let request = GetDeliveryStatusRequest { order_id: order.to_string() };
        match self.deliveries.clone().get_delivery_status(request).await {
            Ok(answer) => Ok(Some(answer.into_inner())),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Adds a courier on behalf of the session's user, who must be an operator. Returns its id.
    pub async fn add_courier(&self, name: String, speed: i32) -> Result<String, Status> {
        let request = AddCourierRequest { name, speed };
        Ok(self.deliveries.clone().add_courier(request).await?.into_inner().courier_id)
    }

    pub async fn cell(&self, street: String) -> Result<(i32, i32), Status> {
        let answer = self.geo.clone().get_geolocation(GetGeolocationRequest { street }).await?;
        let location = answer.into_inner().location.unwrap_or_default();
        Ok((location.x, location.y))
    }
}
