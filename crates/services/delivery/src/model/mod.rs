//! Couriers with their storage places, and deliveries. Transitions return their events.

mod assignment;
mod courier;
mod delivery;
mod event;
mod location;
mod trip;
mod values;

pub use assignment::{Assignment, FreeCourier, Waiting, assign};
pub use courier::{Courier, FIRST_PLACE_VOLUME, NewCourier, Speed, StoragePlace, first_place};
pub use delivery::{Cargo, Delivery, Early, Known, NewDelivery, State};
pub use event::{Event, Status};
pub use location::{Location, OffTheGrid};
pub use trip::{Step, Trip};
pub use values::{Name, Street, TrackingNumber, Volume, VolumeError};
