//! What assembly says, from its topics.

use async_trait::async_trait;
use events::{AssemblyFailed, ShipAssembled};
use platform::kafka::{Failure, Handler, Message};

use crate::service::OrderService;

/// `ShipAssembled`: a ship is built.
pub struct AssembledShips(pub OrderService);

#[async_trait]
impl Handler for AssembledShips {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let event = events::read::<ShipAssembled>(message)?;
        Ok(self.0.assembled(&event).await?)
    }
}

/// `AssemblyFailed`: a ship cannot be built.
pub struct FailedAssemblies(pub OrderService);

#[async_trait]
impl Handler for FailedAssemblies {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let event = events::read::<AssemblyFailed>(message)?;
        Ok(self.0.assembly_failed(&event).await?)
    }
}
