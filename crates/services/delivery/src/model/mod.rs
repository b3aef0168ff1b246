//! Couriers with their storage places, and deliveries. Transitions return their events.

mod assignment;
mod courier;
mod delivery;
mod event;
mod location;
mod text;
mod tracking_number;
mod trip;
mod volume;

pub use assignment::{Assignment, FreeCourier, Waiting, assign};
pub use courier::{Courier, FIRST_PLACE_VOLUME, NewCourier, Speed, StoragePlace, first_place};
pub use delivery::{Cargo, Delivery, Early, IllegalTransition, Known, NewDelivery, State};
pub use event::{Event, Status};
pub use location::{Location, OffTheGrid};
pub use text::{Name, Street, TextError};
pub use tracking_number::TrackingNumber;
pub use trip::{Step, Trip};
pub use volume::{Volume, VolumeError};
