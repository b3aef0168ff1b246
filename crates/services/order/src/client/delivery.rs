//! The client of the delivery service, which tracks orders: the trait, the gRPC client and an in-memory implementation.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::NaiveDate;
use contracts::{
    ids::{CourierId, DeliveryId, OrderId},
    proto::delivery::v1::{
        Carrier, GetDeliveryStatusRequest, GetDeliveryStatusResponse, delivery_service_client::DeliveryServiceClient,
    },
};
use platform::{
    date::{self, NotADate},
    grpc::{Peer, is_refusal, is_transient},
    retry::Budget,
};
use tonic::{Code, Status};

use crate::{
    error::Error,
    model::{Cell, Courier, Delivery, DeliveryStatus, Position, Tracked},
};

#[async_trait]
pub trait Tracking: Send + Sync {
    /// Returns the current state of the order's delivery, or `None` if the delivery service does not know the order.
    /// Fails with [`Error::Unavailable`] while that service is unavailable.
    async fn track(&self, order: OrderId) -> Result<Option<Tracked>, Error>;
}

#[derive(Clone)]
pub struct GrpcDelivery {
    client: DeliveryServiceClient<Peer>,
    budget: Budget,
}

impl GrpcDelivery {
    pub fn new(delivery: Peer) -> Self {
        Self { client: DeliveryServiceClient::new(delivery), budget: Budget::new("delivery") }
    }
}

#[async_trait]
impl Tracking for GrpcDelivery {
    async fn track(&self, order: OrderId) -> Result<Option<Tracked>, Error> {
        let request = GetDeliveryStatusRequest { order_id: order.to_string() };
        let response = self
            .budget
            .retry(is_transient, || {
                let (mut client, request) = (self.client.clone(), request.clone());
                async move { client.get_delivery_status(request).await }
            })
            .await;
        match response {
            Ok(response) => decode(response.into_inner()).map(Some),
            Err(status) => refused(status),
        }
    }
}

fn refused(status: Status) -> Result<Option<Tracked>, Error> {
    match status.code() {
        Code::NotFound => Ok(None),
        _ if is_refusal(&status) => {
            Err(Error::Inconsistent(format!("delivery refused to track an order: {}", status.message())))
        }
        _ => Err(Error::Unavailable("delivery", status.into())),
    }
}

fn decode(response: GetDeliveryStatusResponse) -> Result<Tracked, Error> {
    let delivery = Delivery {
        uuid: response.delivery_id.parse().map(DeliveryId::new).map_err(|_| wrong("delivery_id"))?,
        status: DeliveryStatus::parse(&response.status).ok_or_else(|| wrong("status"))?,
        tracking_number: response.tracking_number,
        estimated_delivery: estimated_delivery(&response.estimated_delivery)
            .map_err(|_| wrong("estimated_delivery"))?,
    };
    let position = Position {
        current_location: response.current_location,
        progress: response.progress,
        courier: response.courier.map(courier).transpose()?,
    };
    Ok(Tracked { delivery, position: Some(position) })
}

fn courier(carrier: Carrier) -> Result<Courier, Error> {
    let location = carrier.location.ok_or_else(|| wrong("courier.location"))?;
    Ok(Courier {
        uuid: carrier.id.parse().map(CourierId::new).map_err(|_| wrong("courier.id"))?,
        name: carrier.name,
        speed: carrier.speed,
        location: Cell { x: location.x, y: location.y },
        steps_left: carrier.steps_left,
    })
}

/// Parses a date of the delivery service, `YYYY-MM-DD`. Returns `None` for an empty text.
pub(crate) fn estimated_delivery(text: &str) -> Result<Option<NaiveDate>, NotADate> {
    (!text.is_empty()).then(|| date::parse(text)).transpose()
}

fn wrong(field: &str) -> Error {
    Error::Inconsistent(format!("delivery answered without a valid {field}"))
}

/// Deliveries behind a mutex. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryDelivery {
    state: Arc<Mutex<Deliveries>>,
}

#[derive(Default)]
struct Deliveries {
    tracked: BTreeMap<OrderId, Tracked>,
    away: bool,
}

impl MemoryDelivery {
    /// Sets the result of all later calls of [`track`](Tracking::track) for the order.
    pub fn put(&self, order: OrderId, tracked: Tracked) {
        self.state().tracked.insert(order, tracked);
    }

    /// While `away` is true, every call fails as if the service were unavailable.
    pub fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    fn state(&self) -> MutexGuard<'_, Deliveries> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Tracking for MemoryDelivery {
    async fn track(&self, order: OrderId) -> Result<Option<Tracked>, Error> {
        let state = self.state();
        if state.away {
            return Err(Error::Unavailable("delivery", anyhow::anyhow!("away")));
        }
        Ok(state.tracked.get(&order).cloned())
    }
}
