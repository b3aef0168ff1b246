//! The lanes of a drawing: which services have one, and where.

use contracts::events::ROUTES;

use crate::{model::Step, pages::words};

/// Room for the time above the first lane.
pub const TOP: i32 = 44;
pub const HEIGHT: i32 = 78;
/// A state is drawn this far above its lane's line, and an event as far below.
const ASIDE: i32 = 14;

#[derive(Clone, Debug)]
pub struct Lane {
    pub service: &'static str,
    pub role: &'static str,
    /// The lane's line.
    pub y: i32,
}

impl Lane {
    /// The y of the lane's name.
    pub fn name_y(&self) -> i32 {
        self.y - 2
    }

    pub fn role_y(&self) -> i32 {
        self.y + 16
    }

    pub fn mark_y(&self, is_event: bool) -> i32 {
        if is_event { self.y + ASIDE } else { self.y - ASIDE }
    }
}

/// The services that write an order's events, in the order of the catalogue; those that only read them; then the others
/// in the order of their first step. The services of the catalogue have a lane from the start, so that the drawing does
/// not jump while it grows.
pub fn lanes(steps: &[Step]) -> Vec<Lane> {
    let of_order: Vec<_> = const { &ROUTES }.iter().filter(|route| route.is_of_order()).collect();
    let writers = of_order.iter().map(|route| route.producer);
    let readers = of_order.iter().flat_map(|route| route.consumers).map(|consumer| consumer.service);
    let seen = steps.iter().flat_map(|step| std::iter::once(step.service).chain(step.consumers()));
    let mut names: Vec<&'static str> = Vec::new();
    for name in writers.chain(readers).chain(seen) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut y = TOP - HEIGHT / 2;
    names
        .into_iter()
        .map(|service| {
            y += HEIGHT;
            Lane { service, role: words::role(service), y }
        })
        .collect()
}
