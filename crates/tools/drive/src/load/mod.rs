//! An open-loop load generator. Mixed traffic arrives at a running shop at a constant rate, and the latency of a
//! request counts from when it was due. A slow shop does not delay arrivals, so that the waiting time of its users is
//! measured.

mod crowd;
mod measure;
mod mix;
mod peak;
mod plan;
mod recorder;
mod report;

pub(crate) use self::crowd::parts;
pub use self::{
    crowd::{Crowd, Options, register, register_with},
    mix::{Kind, Mix},
    peak::{Bounds, Peak, Step, find_peak},
    plan::Plan,
    report::{Figures, Report, Row},
};
