//! An open-loop load generator. Mixed traffic arrives at a running shop at a constant rate, and the latency of a
//! request counts from when it was due. A slow shop does not delay arrivals, so that the waiting time of its users is
//! measured.
//!
//! ```no_run
//! # async fn example(addresses: client::addresses::ShopAddresses) -> anyhow::Result<()> {
//! use drive::load::{Bounds, Crowd, Options, Plan, find_peak};
//!
//! let options = Options { addresses, users: 50, connections: 64, kinds_of_parts: None };
//! let crowd = Crowd::gather(&options, |_| {}).await?;
//! let plan = Plan { rate: 200, mix: "create=1,pay=1".parse()?, ..Plan::default() };
//! let report = crowd.measure(&plan, |_| {}).await?;
//! println!("{report}");
//! let peak = find_peak(&Bounds::default(), async |rate| crowd.measure(&plan.at(rate), |_| {}).await, |_| {}).await?;
//! println!("{peak}");
//! crowd.tidy(|_| {}).await;
//! # Ok(())
//! # }
//! ```

mod cpu;
mod crowd;
mod measure;
mod mix;
mod peak;
mod plan;
mod recorder;
mod report;

pub use self::{
    crowd::{Crowd, Options},
    measure::Stage,
    mix::{Kind, Mix, MixError},
    peak::{Bounds, Peak, Step, find_peak},
    plan::Plan,
    recorder::Progress,
    report::{Figures, Report, Row},
};
